import type { PanelQuery } from "./panel-spec.ts";
import { inReplicas, window } from "./variables.ts";

/** The one query of a panel. */
export function one(expr: string, legend = ""): PanelQuery[] {
  return [{ expr, legend }];
}

/** Of a counter, each second. */
export function rate(metric: string, by: string, selector = inReplicas): string {
  return `sum by (${by}) (rate(${metric}{${selector}}[${window}]))`;
}

/** Half and 99 of 100 are below it. */
export function quantiles(metric: string, by: string, selector = inReplicas): PanelQuery[] {
  const legend = by
    .split(", ")
    .map((label) => `{{${label}}}`)
    .join(" ");
  return [0.5, 0.99].map((quantile) => ({
    expr: `histogram_quantile(${quantile}, sum by (${by}, le) (rate(${metric}_bucket{${selector}}[${window}])))`,
    legend: `${legend} p${quantile * 100}`,
  }));
}

/** The mean of what a histogram counts. */
export function mean(metric: string, by: string): string {
  return `sum by (${by}) (rate(${metric}_sum{${inReplicas}}[${window}])) / sum by (${by}) (rate(${metric}_count{${inReplicas}}[${window}]))`;
}

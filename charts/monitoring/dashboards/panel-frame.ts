import {
  MappingType,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  type ValueMapping,
} from "@grafana/grafana-foundation-sdk/dashboard";
import type { PanelSpec, Step, ValueName } from "./panel-spec.ts";

/** Chosen by the dashboard's variable of that name. */
export const prometheus = { type: "prometheus", uid: "$datasource" } as const;

/** A, B, C … */
export function refId(at: number): string {
  return String.fromCharCode("A".charCodeAt(0) + at);
}

export function thresholds(steps: readonly Step[]): ThresholdsConfigBuilder {
  return new ThresholdsConfigBuilder()
    .mode(ThresholdsMode.Absolute)
    .steps(steps.map(({ from, tone }) => ({ value: from, color: tone })));
}

export function mappings(values: readonly ValueName[]): ValueMapping[] {
  const options = values.map(({ value, text, tone }, index) => [String(value), { text, color: tone, index }]);
  return [{ type: MappingType.ValueToText, options: Object.fromEntries(options) }];
}

interface Framed {
  title(text: string): unknown;
  description(text: string): unknown;
  datasource(reference: typeof prometheus): unknown;
  height(rows: number): unknown;
  span(columns: number): unknown;
  noValue(text: string): unknown;
  unit(unit: string): unknown;
  decimals(decimals: number): unknown;
  min(value: number): unknown;
  max(value: number): unknown;
  thresholds(config: ThresholdsConfigBuilder): unknown;
  mappings(mappings: ValueMapping[]): unknown;
}

/** What all kinds of panels have. */
export function frame<B extends Framed>(builder: B, spec: PanelSpec): B {
  builder.title(spec.title);
  builder.description(spec.description);
  builder.datasource(prometheus);
  builder.height(spec.height);
  builder.span(spec.width);
  builder.noValue(spec.noData);
  if (spec.unit !== undefined) builder.unit(spec.unit);
  if (spec.decimals !== undefined) builder.decimals(spec.decimals);
  if (spec.min !== undefined) builder.min(spec.min);
  if (spec.max !== undefined) builder.max(spec.max);
  builder.thresholds(thresholds(spec.steps ?? [{ from: null, tone: "text" }]));
  if (spec.values !== undefined) builder.mappings(mappings(spec.values));
  return builder;
}

import { ruleGroups, runbookPage } from "@rstore/charts/render/rules";
import { promtool, promtoolMissing } from "@rstore/charts/testing/promtool";
import { realTiming } from "@rstore/charts/timing";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { chartFolder, helm, renderChart } from "../kubernetes/chart.ts";
import { shippedDashboards } from "./panel-queries.ts";

const missing = promtoolMissing();
if (missing !== undefined) console.warn(missing);

const release = { name: "rstore", namespace: "chart" };

interface Rendered {
  readonly kind: string;
  readonly metadata: { readonly labels: Readonly<Record<string, string>> };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: { readonly groups: readonly RenderedGroup[] };
}

interface RenderedGroup {
  readonly rules: readonly {
    readonly alert?: string;
    readonly labels?: object;
    readonly annotations?: { readonly runbook: string; readonly runbook_url?: string };
  }[];
}

function objectsOf(yaml: string): readonly Rendered[] {
  return parseAllDocuments(yaml)
    .map((document) => document.toJS() as Rendered | null)
    .filter((object) => object !== null);
}

async function render(monitoring: object, template: string): Promise<readonly Rendered[]> {
  const values = { monitoring: { enabled: true, ...monitoring } };
  return objectsOf(await renderChart({ ...release, values }, `monitoring/${template}.yaml`));
}

async function groupsWith(rules: object): Promise<readonly RenderedGroup[]> {
  const [rule] = await render({ rules }, "prometheus-rule");
  return rule!.spec!.groups;
}

function alertsOf(groups: readonly RenderedGroup[]) {
  return groups.flatMap(({ rules }) => rules).filter(({ alert }) => alert !== undefined);
}

describe("the chart's monitoring", () => {
  it("has the rules of the source, word by word", async () => {
    expect(await groupsWith({})).toEqual(ruleGroups(realTiming));
  });

  it("leads to runbooks where they are said to be", async () => {
    for (const { alert, annotations } of alertsOf(
      await groupsWith({ runbookUrl: "https://example.org/books/" }),
    ))
      expect(annotations?.runbook_url).toBe(`https://example.org/books/${alert}.md`);
    for (const { alert, annotations } of alertsOf(await groupsWith({}))) {
      expect(annotations?.runbook).toBe(runbookPage(alert!));
      expect(annotations).not.toHaveProperty("runbook_url");
    }
  });

  it("leaves out the alerts that are disabled, and adds labels to the others", async () => {
    const before = alertsOf(await groupsWith({}));
    const after = alertsOf(await groupsWith({ disabled: ["RstoreStorePaused"], labels: { team: "blue" } }));
    expect(after).toHaveLength(before.length - 1);
    expect(after.map(({ alert }) => alert)).not.toContain("RstoreStorePaused");
    for (const { labels } of after) expect(labels).toMatchObject({ team: "blue" });
  });

  it("ships the dashboards with the label that Grafana's sidecar looks for", async () => {
    const maps = await render({}, "dashboards");
    expect(maps.map(({ kind, metadata }) => [kind, metadata.labels.grafana_dashboard])).toEqual(
      shippedDashboards().map(() => ["ConfigMap", "1"]),
    );
    const texts = maps.flatMap(({ data }) => Object.values(data!));
    expect(texts.map((text) => JSON.parse(text))).toEqual(shippedDashboards());
  });

  it("leaves out what the cluster has no definitions for, and everything unless it is enabled", async () => {
    const on = ["--set=monitoring.enabled=true"];
    const without = await helm("template", "rstore", chartFolder, ...on);
    expect(without).toContain("kind: ConfigMap");
    expect(without).not.toMatch(/kind: (?:PodMonitor|PrometheusRule)/);
    const api = (kind: string) => `--api-versions=monitoring.coreos.com/v1/${kind}`;
    const rules = await helm("template", "rstore", chartFolder, ...on, api("PrometheusRule"));
    expect(rules).toContain("kind: PrometheusRule");
    expect(rules).not.toContain("kind: PodMonitor");
    const both = [api("PodMonitor"), api("PrometheusRule")];
    const off = await helm("template", "rstore", chartFolder, ...both);
    expect(off).not.toMatch(/kind: (?:PodMonitor|PrometheusRule|ConfigMap)/);
  });

  it.skipIf(missing !== undefined)("renders rules that promtool accepts", async () => {
    const groups = await groupsWith({ labels: { team: "blue" } });
    const { ok, output } = await promtool(["check", "rules", "rules.yaml"], { "rules.yaml": { groups } });
    expect(output).toContain("SUCCESS");
    expect(ok).toBe(true);
  });
});

import { ruleGroups } from "@rstore/charts/render/rules";
import { realTiming } from "@rstore/charts/timing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseAllDocuments, stringify } from "yaml";
import { type ApiServer, startApiServer } from "../kubernetes/api-server.ts";
import { requiredAssets } from "../kubernetes/assets.ts";
import { chartFolder, helm, renderChart } from "../kubernetes/chart.ts";
import { Kubectl } from "../kubernetes/kubectl.ts";
import { shippedDashboards } from "./panel-queries.ts";
import { prometheusDefinitions } from "./prometheus-definitions.ts";
import type { PodMonitor } from "./scrape-configs.ts";

const namespace = "rstore-system";
const monitored = { monitoring: { enabled: true } };
/** All that the two kinds can be given by values. */
const everything = {
  watchNamespaces: ["team-a", "team-b"],
  monitoring: {
    enabled: true,
    labels: { release: "prometheus" },
    podMonitors: { interval: "1m30s", scrapeTimeout: "500ms" },
    rules: {
      runbookUrl: "https://example.org/books",
      labels: { team: "blue" },
      disabled: ["RstoreStorePaused"],
    },
  },
};

interface RenderedRule {
  readonly spec: { readonly groups: { rules: Record<string, unknown>[] }[] };
}

let server: ApiServer;
let kubectl: Kubectl;

beforeAll(async () => {
  server = await startApiServer(requiredAssets());
  kubectl = new Kubectl(server);
}, 120_000);

afterAll(() => server?.stop(), 60_000);

/** Of the release, with the cluster's own word on what it has definitions for. */
function install(...flags: readonly string[]): Promise<string> {
  return helm(
    "upgrade",
    "--install",
    "rstore",
    chartFolder,
    `--kubeconfig=${server.kubeconfig}`,
    `--namespace=${namespace}`,
    "--create-namespace",
    "--wait=false",
    ...flags,
  );
}

async function define(kind: "PodMonitor" | "PrometheusRule"): Promise<void> {
  await kubectl.applyText(prometheusDefinitions()[kind]);
  await kubectl.run(
    "wait",
    "--for=condition=Established",
    `crd/${kind.toLowerCase()}s.monitoring.coreos.com`,
  );
}

async function names(kind: string): Promise<readonly string[]> {
  const list = await kubectl.run("get", kind, `--namespace=${namespace}`, "--output=name");
  return list.split("\n").filter((line) => line !== "");
}

function accepted(text: string): Promise<string> {
  return kubectl.applyText(text, "--dry-run=server", "--validate=strict", "--warnings-as-errors");
}

describe("monitoring in a cluster", { timeout: 120_000 }, () => {
  it("without the Prometheus operator's definitions is installed all the same: dashboards", async () => {
    const notes = await install("--set=monitoring.enabled=true");
    expect(notes).toContain("no definition of PodMonitor and PrometheusRule: left out");
    const maps = await names("configmaps");
    expect(maps.filter((name) => name.includes("dashboard"))).toHaveLength(shippedDashboards().length);
  });

  it("with one of the definitions alone has what that one is for", async () => {
    await define("PrometheusRule");
    const notes = await install("--set=monitoring.enabled=true");
    expect(notes).toContain("no definition of PodMonitor: left out");
    expect(await names("prometheusrules")).toHaveLength(1);
  });

  it("with both has PodMonitors and rules as they were rendered, and an upgrade takes them away", async () => {
    await define("PodMonitor");
    expect(await install("--set=monitoring.enabled=true")).not.toContain("left out");
    const monitors = await names("podmonitors");
    expect(monitors).toHaveLength(2);
    const { spec } = await kubectl.get<RenderedRule>("prometheusrule", "rstore", namespace);
    expect(spec.groups).toEqual(ruleGroups(realTiming));
    const replicas = await kubectl.get<PodMonitor>("podmonitor", "rstore-replicas", namespace);
    const rendered = await renderChart(
      { name: "rstore", namespace, values: monitored },
      "monitoring/pod-monitors.yaml",
    );
    const [first] = parseAllDocuments(rendered).map((document) => document.toJS() as PodMonitor);
    expect(replicas.spec).toMatchObject(first!.spec);
    await install("--set=monitoring.enabled=false");
    expect([await names("podmonitors"), await names("prometheusrules"), await names("configmaps")]).toEqual([
      [],
      [],
      expect.not.arrayContaining([expect.stringContaining("dashboard")]),
    ]);
  });

  it("is accepted without a word, with its own values and with others", async () => {
    for (const values of [monitored, everything]) {
      const text = await renderChart(
        { name: "rstore", namespace, values },
        "monitoring/pod-monitors.yaml",
        "monitoring/prometheus-rule.yaml",
      );
      const report = await accepted(text);
      expect(report.match(/^(podmonitor|prometheusrule)\.monitoring\.coreos\.com\//gm)).toHaveLength(3);
    }
  });

  it.each([
    ["a duration that is none", { for: "10 minutes" }, /should match/],
    ["a label that is no text", { labels: { severity: 3 } }, /severity: .*expected string/],
    ["a field that there is not", { forr: "10m" }, /\.forr: field not declared in schema/],
    ["no expression", { expr: undefined }, /Required value/],
  ])("would be refused with %s in a rule", async (_what, change, message) => {
    const release = { name: "rstore", namespace, values: monitored };
    const [rule] = parseAllDocuments(await renderChart(release, "monitoring/prometheus-rule.yaml")).map(
      (document) => document.toJS() as RenderedRule,
    );
    Object.assign(rule!.spec.groups[1]!.rules[0]!, change);
    await expect(accepted(stringify(rule))).rejects.toThrow(message);
  });
});

import { rulesFile } from "@rstore/charts/render/rules";
import { fasterTiming } from "@rstore/charts/timing";
import type { V1Pod } from "@rstore/operator/kube/objects";
import { parseAllDocuments } from "yaml";
import { eventually } from "../cluster/eventually.ts";
import { renderChart } from "../kubernetes/chart.ts";
import type { OperatorProcess } from "../kubernetes/operator-process.ts";
import type { Site } from "../kubernetes/site.ts";
import { placeOf } from "../kubernetes/stand-in/objects.ts";
import { filledIn, type PanelQuery, shippedQueries } from "./panel-queries.ts";
import { PodDiscovery } from "./pod-discovery.ts";
import { type Alert, Prometheus, type Series } from "./prometheus.ts";
import { type PodMonitor, processConfig, scrapeConfigFrom } from "./scrape-configs.ts";

/** Minutes of the rules are seconds here; a few scrapes fit into the shortest. */
const timing = fasterTiming(30, 6);
const rateInterval = "8s";

/** Of a loaded machine: the slowest alert takes half a minute on an idle one. */
export const patienceMs = 100_000;

/** Far more than the 64 MiB that the log keeps: who is behind when it is used up needs a snapshot. */
const quotaBytes = 112 * 1024 * 1024;

export const storeSpec = { replicas: 3, limits: { storeQuota: `${quotaBytes}` } };

interface Parts {
  readonly operator: OperatorProcess;
  readonly prometheus: Prometheus;
  readonly discovery: PodDiscovery;
}

/**
 * A store of three under an operator, as a cluster has them, and a Prometheus that finds them by the chart's own
 * PodMonitors and evaluates its rules, thirty times as fast.
 */
export class MonitoredStore {
  readonly site: Site;
  readonly operator: OperatorProcess;
  readonly prometheus: Prometheus;
  readonly #discovery: PodDiscovery;
  readonly #startedSeconds = Date.now() / 1000;

  private constructor(site: Site, { operator, prometheus, discovery }: Parts) {
    this.site = site;
    this.operator = operator;
    this.prometheus = prometheus;
    this.#discovery = discovery;
  }

  static async start(site: Site): Promise<MonitoredStore> {
    const operator = await site.startOperator();
    await site.apply(storeSpec);
    await site.settled(3);
    const values = { ...site.release.values, monitoring: { enabled: true } };
    const rendered = await renderChart({ ...site.release, values }, "monitoring/pod-monitors.yaml");
    const [ofReplicas, ofOperator] = parseAllDocuments(rendered)
      .map((document) => document.toJS() as PodMonitor | null)
      .filter((monitor) => monitor !== null);
    const discovery = new PodDiscovery(() => site.pods());
    const configs = [
      scrapeConfigFrom(ofReplicas!, discovery.file),
      processConfig(ofOperator!, operator.listen),
    ];
    const prometheus = await Prometheus.start(configs, rulesFile(timing));
    return new MonitoredStore(site, { operator, prometheus, discovery });
  }

  async pod(slot: number): Promise<V1Pod> {
    return (await this.site.pods())[slot]!;
  }

  /** Of all replicas, those that are down too. */
  async clientUrls(): Promise<readonly string[]> {
    return (await this.site.pods()).map(({ status }) => `http://${status?.podIP}:4001`);
  }

  /** The slot that leads, as Prometheus knows it. */
  leader(): Promise<number> {
    return eventually(
      "Prometheus knows one leader",
      async () => {
        const leaders = await this.prometheus.query("rstore_raft_is_leader == 1");
        return leaders.length === 1 ? Number(leaders[0]!.metric.replica!.split("-").at(-1)) : undefined;
      },
      { timeoutMs: patienceMs, intervalMs: 500 },
    );
  }

  async sees(expr: string): Promise<void> {
    const hasData = async () => (await this.prometheus.query(expr)).length > 0;
    await eventually(`data of ${expr}`, hasData, { timeoutMs: patienceMs, intervalMs: 250 });
  }

  /** Nobody of them is gone before the finalizers are. */
  async holdPods(finalizers: readonly string[] | null): Promise<void> {
    for (const pod of await this.site.pods())
      await this.site.world.admin.patch("pods", placeOf(pod), { metadata: { finalizers } });
  }

  async signal(slot: number, signal: NodeJS.Signals): Promise<void> {
    const pid = this.site.world.standIn.replicaOf(await this.pod(slot))?.pid;
    if (pid === undefined) throw new Error(`replica ${slot} does not run`);
    process.kill(pid, signal);
  }

  /** Waits until the alert fires with these labels; gives what it says. */
  fires(name: string, labels: Readonly<Record<string, string>> = {}): Promise<Alert> {
    return this.firesOneOf([name], labels);
  }

  firesOneOf(names: readonly string[], labels: Readonly<Record<string, string>>): Promise<Alert> {
    const isWanted = (alert: Alert): boolean =>
      names.includes(alert.name) &&
      Object.entries(labels).every(([key, value]) => alert.labels[key] === value);
    return eventually(
      `${names.join(" or ")} to fire for ${JSON.stringify(labels)}`,
      async () => {
        const firing = await this.prometheus.alerts("firing");
        const found = firing.find(isWanted);
        if (found !== undefined) return found;
        const pending = (await this.prometheus.alerts("pending")).map(({ name }) => name);
        throw new Error(`firing: ${firing.map(({ name }) => name)}; not for long enough: ${pending}`);
      },
      { timeoutMs: patienceMs, intervalMs: 500 },
    );
  }

  resolves(...names: readonly string[]): Promise<boolean> {
    return eventually(
      `${names.join(", ")} to be over`,
      async () => {
        const firing = await this.prometheus.alerts("firing");
        const left = firing.filter(({ name }) => names.includes(name));
        if (left.length > 0) throw new Error(left.map(({ description }) => description).join("; "));
        return true;
      },
      { timeoutMs: patienceMs, intervalMs: 500 },
    );
  }

  /** Throws with the panels that have no number, at this moment or at any since the start. */
  async expectData(except: ReadonlySet<string>, when: "now" | "ever"): Promise<true> {
    const endSeconds = Date.now() / 1000;
    const ask = (expr: string) =>
      when === "now"
        ? this.prometheus.query(expr)
        : this.prometheus.queryRange(expr, this.#startedSeconds, endSeconds);
    const empty = await this.#without(
      shippedQueries().filter((query) => !except.has(nameOf(query))),
      ask,
    );
    const lines = empty.map((query) => `\n  ${nameOf(query)}: ${query.expr}`);
    if (lines.length > 0) throw new Error(`no data for ${lines.length} queries:${lines.join("")}`);
    return true;
  }

  async #without(
    queries: readonly PanelQuery[],
    ask: (expr: string) => Promise<readonly Series[]>,
  ): Promise<readonly PanelQuery[]> {
    const { namespace, store } = this.site;
    const variables = { namespace, store, replica: ".*", pod: ".*", __rate_interval: rateInterval };
    const answers = await Promise.all(
      queries.map(async (query) => ({ query, series: await ask(filledIn(query.expr, variables)) })),
    );
    return answers.filter(({ series }) => !series.some(hasNumber)).map(({ query }) => query);
  }

  async stop(): Promise<void> {
    await this.prometheus.stop();
    await this.#discovery.stop();
  }
}

/** How the lists of exceptions call it; all queries of a panel have the same name. */
function nameOf({ dashboard, title }: PanelQuery): string {
  return `${dashboard.replace("rstore / ", "")}: ${title}`;
}

function hasNumber({ value, values }: Series): boolean {
  const samples = values ?? (value === undefined ? [] : [value]);
  return samples.some(([, sample]) => Number.isFinite(Number(sample)));
}

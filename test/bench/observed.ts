import type { Cluster } from "../cluster/cluster.ts";
import { median } from "./percentiles.ts";
import { cpuSeconds } from "./process-usage.ts";
import type { Row } from "./report.ts";
import { loadKeys, measureCalls, type ThroughputOptions, type Workload } from "./throughput.ts";
import { withCluster } from "./with-cluster.ts";

export interface ObservedOptions extends Omit<ThroughputOptions, "workloads" | "callers"> {
  readonly workload: Workload;
  readonly callers: number;
  /** Pairs of windows, one observed and one not, in turns. */
  readonly rounds: number;
  /** Of each measurement in which nobody calls. */
  readonly idleSeconds: number;
}

/**
 * Throughput while every replica's metrics are scraped each second and its console is open, against neither: in
 * one run and in turns, so that whatever else the machine does falls on both.
 */
export async function measureObserved(options: ObservedOptions): Promise<Row[]> {
  const { replicas, workload, callers, rounds } = options;
  return withCluster(replicas, { settings: { logLevel: "warn" } }, async (cluster) => {
    const clients = Array.from({ length: options.clients }, () => cluster.client());
    await loadKeys(clients[0]!, options);
    const rates: Record<"alone" | "observed", number[]> = { alone: [], observed: [] };
    const window = async (how: "alone" | "observed"): Promise<void> => {
      const stop = observe(cluster, how === "observed" ? everyone : []);
      const row = await measureCalls(cluster, clients, { workload, callers, options });
      await stop();
      rates[how].push(row["ops/s"] as number);
      options.onRow?.({ how, ...row });
    };
    // The first of a pair changes, so that what grows with time falls on both as well.
    for (let round = 0; round < rounds; round++) {
      const [first, second] =
        round % 2 === 0 ? (["alone", "observed"] as const) : (["observed", "alone"] as const);
      await window(first);
      await window(second);
    }
    const idle: Record<string, number> = {};
    for (const [name, observers] of Object.entries({ alone: [], metrics: [scraper], console: [browser] })) {
      const stop = observe(cluster, observers);
      idle[`idle cpu ms/s, ${name}`] = await idleCost(cluster, options.idleSeconds);
      await stop();
    }
    const ratios = rates.alone.map((alone, at) => rates.observed[at]! / alone);
    return [
      {
        operation: workload,
        callers,
        "alone ops/s": Math.round(median(rates.alone)),
        "observed ops/s": Math.round(median(rates.observed)),
        ratio: median(rates.observed) / median(rates.alone),
        "lowest ratio": Math.min(...ratios),
        "highest ratio": Math.max(...ratios),
        // On a machine where the ratio is noise: what a replica does for its observers, in processor time.
        ...idle,
      },
    ];
  });
}

/** Processor time of one replica in a second in which nobody calls it, on average. */
async function idleCost({ running }: Cluster, seconds: number): Promise<number> {
  const cpu = () => running.reduce((sum, { pid }) => sum + cpuSeconds(pid!), 0);
  const before = cpu();
  const beganMs = performance.now();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  return (1e6 * (cpu() - before)) / (performance.now() - beganMs) / running.length;
}

type Observer = (metricsUrl: string) => () => Promise<void>;

/** As Prometheus does. */
const scraper: Observer = (metricsUrl) => async () => {
  await (await fetch(`${metricsUrl}/metrics`)).arrayBuffer();
};

/** As a page that is open: it asks for what is new. */
const browser: Observer = (metricsUrl) => {
  let cursor = "";
  return async () => {
    const answer = await fetch(`${metricsUrl}/console/state.json?after=${encodeURIComponent(cursor)}`);
    ({ cursor } = (await answer.json()) as { cursor: string });
  };
};

const everyone: readonly Observer[] = [scraper, browser];

/** Each observer asks each replica once a second; returns what ends that. */
function observe({ running }: Cluster, observers: readonly Observer[]): () => Promise<void> {
  let stopped = false;
  const every = async (ask: () => Promise<void>): Promise<void> => {
    while (!stopped) {
      const nextMs = performance.now() + 1000;
      await ask();
      while (!stopped && performance.now() < nextMs) await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const all = running.flatMap(({ metricsUrl }) => observers.map((observer) => every(observer(metricsUrl))));
  return async () => {
    stopped = true;
    await Promise.all(all);
  };
}

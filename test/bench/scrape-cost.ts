import { Latencies } from "./percentiles.ts";
import { cpuSeconds } from "./process-usage.ts";
import type { Row } from "./report.ts";
import { withCluster } from "./with-cluster.ts";

/** A page that is asked for again sooner may be the one from before (replica/src/reused.ts). */
const PAUSE_MS = 300;
const IDLE_MAX_SECONDS = 10;

export interface ScrapeCostOptions {
  readonly replicas: number;
  readonly scrapes: number;
  readonly onRow?: (row: Row) => void;
}

/**
 * What a scrape costs a leader, beside what any request to that port costs. `cpu ms` is the processor time of the
 * process for each, which is also the longest that the event loop can be held up by one.
 */
export async function measureScrapes(options: ScrapeCostOptions): Promise<Row[]> {
  return withCluster(options.replicas, { settings: { logLevel: "warn" } }, async (cluster) => {
    const client = cluster.client();
    await Promise.all(Array.from({ length: 2_000 }, (_, at) => client.put(`bench/${at}`, "value")));
    const leader = await cluster.leader();
    const rows: Row[] = [];
    for (const page of ["livez", "metrics", "livez", "metrics"]) {
      const row = await measure(`${leader.metricsUrl}/${page}`, leader.pid!, options.scrapes);
      options.onRow?.(row);
      rows.push(row);
    }
    return rows;
  });
}

async function measure(url: string, pid: number, count: number): Promise<Row> {
  const latencies = new Latencies();
  const beganMs = performance.now();
  const cpuBefore = cpuSeconds(pid);
  let bytes = 0;
  for (let at = 0; at < count; at++) {
    const startMs = performance.now();
    bytes = (await (await fetch(url)).arrayBuffer()).byteLength;
    latencies.add(performance.now() - startMs);
    await elapsed(PAUSE_MS);
  }
  const cpu = cpuSeconds(pid) - cpuBefore;
  const seconds = (performance.now() - beganMs) / 1000;
  const idle = await idleShare(pid, Math.min(seconds, IDLE_MAX_SECONDS));
  const [p50, p99] = latencies.percentiles([0.5, 0.99]);
  return {
    page: new URL(url).pathname,
    bytes,
    "p50 ms": p50!,
    "p99 ms": p99!,
    "cpu ms": (1000 * (cpu - idle * seconds)) / count,
  };
}

/** Processor seconds per second of a process that nobody asks anything. */
async function idleShare(pid: number, seconds: number): Promise<number> {
  const beganMs = performance.now();
  const before = cpuSeconds(pid);
  await elapsed(seconds * 1000);
  return (1000 * (cpuSeconds(pid) - before)) / (performance.now() - beganMs);
}

function elapsed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

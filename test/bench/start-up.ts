import { Client } from "@rstore/client";
import { eventually } from "../cluster/eventually.ts";
import type { ReplicaProcess } from "../cluster/replica-process.ts";
import { rssAnonBytes } from "./process-usage.ts";
import type { Row } from "./report.ts";
import { withCluster } from "./with-cluster.ts";

export interface StartUpOptions {
  readonly keys: number;
  readonly onRow?: (row: Row) => void;
  readonly onProgress?: (line: string) => void;
}

/** The limits, for ten million keys and so for fewer. */
export const startUpLimits = { seconds: 5, rssAnonMib: 300 };

const mib = 1024 * 1024;

/** Fills one replica with small keys, then starts it again after a stop and after a kill. */
export async function measureStartUp(options: StartUpOptions): Promise<Row[]> {
  return withCluster(1, { settings: { logLevel: "warn", quotaBytes: "32GiB" } }, async (cluster) => {
    const replica = cluster.replica(0);
    const rows = [await fill(replica, options)];
    options.onRow?.(rows[0]!);
    for (const end of ["stop", "kill"] as const) {
      if (end === "stop") await replica.stop();
      else await replica.kill();
      const beganMs = performance.now();
      replica.spawn();
      await ready(replica);
      const seconds = (performance.now() - beganMs) / 1000;
      const rssAnonMib = rssAnonBytes(replica.pid!) / mib;
      const { totalKeys } = await replica.status();
      if (Number(totalKeys) !== options.keys)
        throw new Error(`${totalKeys} of ${options.keys} keys are there`);
      const row = { phase: `start after ${end}`, keys: options.keys, seconds, "RssAnon MiB": rssAnonMib };
      options.onRow?.(row);
      rows.push(row);
    }
    return rows;
  });
}

function ready(replica: ReplicaProcess): Promise<true> {
  return eventually(
    "the replica is ready",
    async () => (await fetch(`${replica.metricsUrl}/readyz`)).ok && (true as const),
    { timeoutMs: 120_000, intervalMs: 5 },
  );
}

/** Many operations in each request, a few requests under way. */
async function fill(replica: ReplicaProcess, { keys, onProgress }: StartUpOptions): Promise<Row> {
  const client = new Client({
    endpoints: [replica.clientUrl],
    timeoutMs: 60_000,
    batchMaxOperations: 5_000,
    inflightMaxRequests: 3,
  });
  const waveKeys = 15_000;
  const value = new Uint8Array(32).fill(120);
  const beganMs = performance.now();
  let rssAnonMaxBytes = 0;
  try {
    for (let from = 0; from < keys; from += waveKeys) {
      const count = Math.min(waveKeys, keys - from);
      const puts = Array.from({ length: count }, (_, at) =>
        client.put(`key/${(from + at).toString().padStart(10, "0")}`, value),
      );
      await Promise.all(puts);
      rssAnonMaxBytes = Math.max(rssAnonMaxBytes, rssAnonBytes(replica.pid!));
      if ((from / waveKeys) % 20 === 19) {
        onProgress?.(`${from + count} keys, RssAnon at most ${Math.round(rssAnonMaxBytes / mib)} MiB`);
      }
    }
  } finally {
    client.close();
  }
  const seconds = (performance.now() - beganMs) / 1000;
  return { phase: "load", keys, seconds, "RssAnon MiB": rssAnonMaxBytes / mib };
}

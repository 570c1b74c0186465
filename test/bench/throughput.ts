import { randomBytes } from "node:crypto";
import type { Client } from "@rstore/client";
import type { Cluster } from "../cluster/cluster.ts";
import { Latencies } from "./percentiles.ts";
import { cpuSeconds } from "./process-usage.ts";
import type { Row } from "./report.ts";
import { withCluster } from "./with-cluster.ts";

export const workloads = ["put", "get", "serializable-get"] as const;
export type Workload = (typeof workloads)[number];

export interface ThroughputOptions {
  readonly workloads: readonly Workload[];
  readonly callers: readonly number[];
  readonly replicas: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly valueBytes: number;
  readonly keys: number;
  /** Client objects that share the callers. */
  readonly clients: number;
  /** Where every replica leaves a CPU profile. */
  readonly profileDirectory?: string;
  readonly onRow?: (row: Row) => void;
}

type KeyOptions = Pick<ThroughputOptions, "keys" | "valueBytes">;
type Call = (client: Client) => Promise<unknown>;

/** Callers in a closed loop, each with one call under way, against replicas on this machine. */
export async function measureThroughput(options: ThroughputOptions): Promise<Row[]> {
  const { profileDirectory } = options;
  return withCluster(
    options.replicas,
    {
      settings: { logLevel: "warn" },
      ...(profileDirectory !== undefined && {
        nodeFlags: (name: string) => [
          "--cpu-prof",
          `--cpu-prof-dir=${profileDirectory}`,
          `--cpu-prof-name=${name}.cpuprofile`,
        ],
      }),
    },
    async (cluster) => {
      const clients = Array.from({ length: options.clients }, () => cluster.client());
      await loadKeys(clients[0]!, options);
      const rows: Row[] = [];
      for (const workload of options.workloads) {
        for (const callers of options.callers) {
          const row = await measureCalls(cluster, clients, { workload, callers, options });
          options.onRow?.(row);
          rows.push(row);
        }
      }
      // Profiles are written by a replica that ends by itself.
      if (profileDirectory !== undefined)
        await Promise.all(cluster.replicas.map((replica) => replica.stop()));
      return rows;
    },
  );
}

const keyOf = (at: number): string => `bench/${at.toString().padStart(8, "0")}`;

/** So that reads find something. */
export async function loadKeys(client: Client, { keys, valueBytes }: KeyOptions): Promise<void> {
  const value = randomBytes(valueBytes);
  await Promise.all(
    Array.from({ length: keys }, (_, at) => client.put(keyOf(at), value, { timeoutMs: 30_000 })),
  );
}

function callOf(workload: Workload, { keys, valueBytes }: KeyOptions): Call {
  const value = randomBytes(valueBytes);
  const key = () => keyOf(Math.floor(Math.random() * keys));
  switch (workload) {
    case "put":
      return (client) => client.put(key(), value);
    case "get":
      return (client) => client.get(key());
    case "serializable-get":
      return (client) => client.get(key(), { consistency: "serializable" });
  }
}

interface Measured {
  readonly workload: Workload;
  readonly callers: number;
  readonly options: KeyOptions & Pick<ThroughputOptions, "seconds" | "warmUpSeconds">;
}

/** Callers in a closed loop, for a while. */
export async function measureCalls(
  cluster: Cluster,
  clients: readonly Client[],
  measured: Measured,
): Promise<Row> {
  const { workload, callers, options } = measured;
  const call = callOf(workload, options);
  const leader = await cluster.leader();
  const others = cluster.replicas.filter((replica) => replica !== leader);
  const cpu = () => [
    cpuSeconds(process.pid),
    cpuSeconds(leader.pid!),
    others.reduce((sum, { pid }) => sum + cpuSeconds(pid!), 0) / Math.max(1, others.length),
  ];
  const latencies = new Latencies();
  let errors = 0;
  const startMs = performance.now() + options.warmUpSeconds * 1000;
  const endMs = startMs + options.seconds * 1000;
  let cpuBefore: number[] | undefined;
  const caller = async (client: Client): Promise<void> => {
    for (;;) {
      const beganMs = performance.now();
      if (beganMs >= endMs) return;
      if (beganMs >= startMs) cpuBefore ??= cpu();
      try {
        await call(client);
      } catch {
        errors++;
        continue;
      }
      if (beganMs >= startMs) latencies.add(performance.now() - beganMs);
    }
  };
  await Promise.all(Array.from({ length: callers }, (_, at) => caller(clients[at % clients.length]!)));
  const seconds = (performance.now() - startMs) / 1000;
  const used = cpu().map((now, at) => Math.round((100 * (now - (cpuBefore?.[at] ?? now))) / seconds));
  const [p50, p99, p999] = latencies.percentiles([0.5, 0.99, 0.999]);
  return {
    operation: workload,
    callers,
    "ops/s": Math.round(latencies.count / seconds),
    "p50 ms": p50!,
    "p99 ms": p99!,
    "p99.9 ms": p999!,
    errors,
    "cpu % client": used[0]!,
    "cpu % leader": used[1]!,
    "cpu % follower": used[2]!,
  };
}

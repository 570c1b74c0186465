import type { Client } from "@rstore/client";
import { eventually } from "../cluster/eventually.ts";
import type { Row } from "./report.ts";
import { withCluster } from "./with-cluster.ts";

export interface FailoverOptions {
  readonly kills: number;
  readonly replicas: number;
  readonly onRow?: (row: Row) => void;
}

/**
 * Kills the leader again and again, at default settings, under one writer. The time is that from the kill to
 * the first acknowledgement of a write that began after it.
 */
export async function measureFailover(options: FailoverOptions): Promise<number[]> {
  return withCluster(options.replicas, { settings: { logLevel: "warn" } }, async (cluster) => {
    const client = cluster.client();
    const timesMs: number[] = [];
    for (let kill = 1; kill <= options.kills; kill++) {
      const leader = await cluster.leader();
      await writeOnce(client);
      const beganMs = performance.now();
      leader.signal("SIGKILL");
      await eventually("a write is acknowledged again", () => writeOnce(client), { intervalMs: 1 });
      const ms = performance.now() - beganMs;
      timesMs.push(ms);
      options.onRow?.({ kill, leader: leader.name, "first write ms": ms });
      await leader.exit;
      await leader.start();
      await cluster.expectConverged();
    }
    return timesMs;
  });
}

async function writeOnce(client: Client): Promise<true> {
  await client.put("failover", performance.now().toString(), { timeoutMs: 10_000 });
  return true;
}

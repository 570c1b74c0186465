import type { Client } from "@rstore/client";
import { describe, expect, it } from "vitest";
import type { ReplicaProcess } from "../cluster/replica-process.ts";
import { useCluster } from "../cluster/use-cluster.ts";

/** Writers without a pause until they are stopped; every failure is kept. */
function startWriters(client: Client, count: number) {
  const failures: unknown[] = [];
  let written = 0;
  let stopped = false;
  const writer = async (at: number): Promise<void> => {
    for (let serial = 0; !stopped; serial++) {
      try {
        await client.put(`load/${at}/${serial % 100}`, `${serial}`);
        written++;
      } catch (error) {
        failures.push(error);
      }
    }
  };
  const all = Promise.all(Array.from({ length: count }, (_, at) => writer(at)));
  return {
    written: () => written,
    async stop() {
      stopped = true;
      await all;
      return failures;
    },
  };
}

describe("an orderly end", { timeout: 60_000 }, () => {
  const cluster = useCluster(3);

  it("hands leadership over and exits 0, without a failed write through the client", async () => {
    const leader = await cluster().leader();
    const writers = startWriters(cluster().client(), 20);
    try {
      await expect.poll(writers.written, { timeout: 20_000 }).toBeGreaterThan(100);
      expect(await leader.stop()).toBe(0);
      expect(leader.log()).toMatch(/"msgId":"raft.handover".*"done":true/);
      const now = writers.written();
      await expect.poll(writers.written, { timeout: 20_000 }).toBeGreaterThan(now + 100);
    } finally {
      const failures = await writers.stop();
      expect(failures).toEqual([]);
    }
    await leader.start();
    await cluster().expectConverged();
  });

  it("of one replica after another, each started again, fails no call through the client (D11)", async () => {
    const client = cluster().client();
    const writers = startWriters(client, 10);
    const roll = async (replica: ReplicaProcess) => {
      expect(await replica.stop()).toBe(0);
      await replica.start();
      await expect
        .poll(async () => (await fetch(`${replica.metricsUrl}/readyz`)).status, { timeout: 10_000 })
        .toBe(200);
      await client.get("load/0/0");
    };
    try {
      for (const replica of cluster().replicas) await roll(replica);
    } finally {
      const failures = await writers.stop();
      expect(failures).toEqual([]);
    }
    await cluster().expectConverged();
  });
});

import { describe, expect, it } from "vitest";
import { fromEventLoop } from "../world/microtasks.ts";
import type { World } from "../world/world.ts";
import { ClientWorkload } from "./client-workload.ts";
import { type Anomaly, anomalies } from "./fake-anomalies.ts";
import { createFakeCluster, type FakeClusterOptions } from "./fake-cluster.ts";

const durationMs = 20_000;

/** A run of clients against a fake cluster, checked at its end. */
function run(options: FakeClusterOptions): Promise<{ world: World; workload: ClientWorkload }> {
  return fromEventLoop(() => {
    const cluster = createFakeCluster(options);
    const { world } = cluster;
    const workload = new ClientWorkload({ stores: () => cluster.finalStores() });
    workload.start(cluster);
    while (world.nowUs < durationMs * 1000) world.step(durationMs * 1000);
    workload.end();
    const endUs = (durationMs + 10_000) * 1000;
    while (!workload.isIdle && world.step(endUs)) {}
    expect(workload.isIdle).toBe(true);
    workload.check();
    return { world, workload };
  });
}

describe("a store that does everything right", () => {
  it.each([1, 2, 3, 4, 5, 6])("passes the check of what its clients saw (seed %i)", async (seed) => {
    const { world, workload } = await run({
      seed,
      anomaly: undefined,
      lossChance: seed % 2 === 0 ? 0.03 : 0,
    });
    expect(world.violation).toBeUndefined();
    expect(workload.operations.length).toBeGreaterThan(1000);
  });

  it("passes with one key that everybody writes", async () => {
    const { world } = await run({
      seed: 7,
      anomaly: undefined,
      lossChance: 0.05,
      shape: { keys: 1, clients: 8 },
    });
    expect(world.violation).toBeUndefined();
  });

  it("is asked for everything that the coverage counts", async () => {
    const { world } = await run({ seed: 8, anomaly: undefined, lossChance: 0.02 });
    const counted = world.coverage
      .entries()
      .filter(([name]) => /^(writes|reads|store.compacted)\b/.test(name));
    expect(counted.filter(([, count]) => count === 0)).toEqual([]);
  });

  it("gives the same history for the same seed", async () => {
    const a = await run({ seed: 9, anomaly: undefined, lossChance: 0.02 });
    const b = await run({ seed: 9, anomaly: undefined, lossChance: 0.02 });
    expect(a.world.traceHash).toBe(b.world.traceHash);
    expect(a.workload.operations).toEqual(b.workload.operations);
  });
});

describe("an anomaly is caught", () => {
  it.each(Object.entries(anomalies))("%s", async (name, properties) => {
    let property: string | undefined;
    for (let seed = 11; seed < 17 && property === undefined; seed += 1) {
      const { world } = await run({ seed, anomaly: name as Anomaly, lossChance: 0.01 });
      property = world.violation?.property;
    }
    expect(properties).toContain(property);
  });
});

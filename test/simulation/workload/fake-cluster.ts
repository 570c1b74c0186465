import type { Replica } from "@rstore/replica/runtime/replica";
import type { Life, SimCluster, Slot } from "../cluster/types.ts";
import type { SimNetwork } from "../network/types.ts";
import type { OperationMix, Shape } from "../plan/types.ts";
import { Coverage } from "../world/coverage.ts";
import { World } from "../world/world.ts";
import type { Anomaly } from "./fake-anomalies.ts";
import { FakeReplica } from "./fake-replica.ts";
import { FakeStore, textOf } from "./fake-store.ts";
import type { FinalStore } from "./final-store.ts";

export interface FakeClusterOptions {
  readonly seed: number;
  readonly anomaly: Anomaly | undefined;
  /** Of requests and of answers. */
  readonly lossChance?: number;
  readonly shape?: Partial<Shape>;
}

export interface FakeCluster extends SimCluster {
  /** What one that agrees with all others would hold at the end. */
  finalStores(): readonly FinalStore[];
}

const mix: OperationMix = {
  put: 8,
  compareAndSet: 6,
  delete: 3,
  deleteRange: 2,
  get: 5,
  getSerializable: 4,
  getAtLeast: 3,
  getAtRevision: 4,
  range: 4,
  compact: 0.5,
  transfer: 0,
  changeMembership: 0,
};

/** Replicas of one store in memory, right but for one anomaly; no logs, no elections. */
export function createFakeCluster({ seed, anomaly, lossChance, shape }: FakeClusterOptions): FakeCluster {
  const world = new World({ seed, coverage: new Coverage(), transcript: undefined });
  const random = world.random("fake");
  const store = new FakeStore();
  const life: Life = { isOver: false, isPaused: false, enter: (callback) => callback() };
  const clock = { nowMs: () => world.nowUs / 1000 };
  const slots = [0, 1, 2].map((index) => {
    const replica = new FakeReplica({ world, random, store, index, anomaly });
    const clientUrl = `http://r${index}:4001`;
    return { index, name: `r${index}`, clientUrl, clock, life, replica: replica as unknown as Replica };
  }) as unknown as Slot[];
  const call: SimNetwork["call"] = (_from, slot, serve, answered) => {
    if (random.chance(lossChance ?? 0)) return;
    world.at(random.exponential(2000), () => {
      const answer = (settled: Parameters<typeof answered>[0]): void => {
        if (!random.chance(lossChance ?? 0)) world.at(random.exponential(2000), () => answered(settled));
      };
      serve().then(
        (value) => answer({ status: "fulfilled", value }),
        (reason: unknown) => answer({ status: "rejected", reason }),
      );
      void slot;
    });
  };
  const cluster = {
    world,
    shape: {
      clients: 4,
      keys: 6,
      thinkMeanMs: 20,
      electionTimeoutMs: 100,
      mix,
      limits: { valueMaxBytes: 60 },
      ...shape,
    },
    network: { call },
    slots,
    leaders: () => [slots[0]],
    slotOf: () => undefined,
    finalStores: () => [finalStore(store, anomaly)],
  };
  return cluster as unknown as FakeCluster;
}

function finalStore(store: FakeStore, anomaly: Anomaly | undefined): FinalStore {
  const lost = anomaly === "rolled back at the end" ? 3 : 0;
  const revision = store.revision - lost;
  return {
    index: 0,
    name: "r0",
    revision: BigInt(revision),
    compactedRevision: BigInt(Math.min(store.compacted, revision)),
    read: (start, end, at) => {
      const keyValues = store.range(start, end, at === undefined ? revision : Number(at));
      const hidden = anomaly === "key missing at the end" ? 1 : 0;
      return keyValues.slice(hidden).filter(({ key }) => textOf(key) < end);
    },
  };
}

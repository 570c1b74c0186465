import { Administrator } from "./administrator.ts";
import type { SimCluster, Slot } from "./types.ts";

const LOOK_MEAN_MS = 3000;
const CALL_TIMEOUT_MS = 2000;
/** How often somebody founds a cluster on it instead, which must change nothing (B3). */
const BOOTSTRAP_CHANCE = 0.15;
/** How often it dies while it moves its data away. */
const CRASH_CHANCE = 0.25;
const CRASH_CALLS_MAX = 12;

/** Now and then an administrator resets replicas that know that they were removed, so that they can join anew. */
export function resetRemovedMembers(cluster: SimCluster): void {
  const { world } = cluster;
  const administrator = new Administrator(cluster);
  const random = world.random("reset removed");
  const look = (): void => {
    for (const slot of cluster.slots) {
      if (slot.replica?.identity().removedIndex !== undefined) void maybeReset(slot);
    }
    world.at(random.exponential(LOOK_MEAN_MS) * 1000, look);
  };

  async function maybeReset(slot: Slot): Promise<void> {
    try {
      await administrator.call(slot, CALL_TIMEOUT_MS, async (replica) => {
        const { clusterId, memberId, removedIndex } = replica.identity();
        if (removedIndex === undefined) return;
        if (random.chance(BOOTSTRAP_CHANCE)) {
          await replica.bootstrap(clusterId, memberId);
          return;
        }
        if (random.chance(CRASH_CHANCE)) slot.crashAtCall(random.between(1, CRASH_CALLS_MAX));
        await replica.reset(clusterId, memberId, removedIndex);
        world.coverage.count("membership.member-reset");
      });
    } catch {
      // Down, cut off, or not now: it is looked at again.
    }
  }

  world.at(random.exponential(LOOK_MEAN_MS) * 1000, look);
}

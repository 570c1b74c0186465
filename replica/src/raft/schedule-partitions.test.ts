import { describe, expect, it } from "vitest";
import { ScheduleCluster } from "./schedule-cluster.ts";
import { ScheduleOperator } from "./schedule-operations.ts";
import { ScheduleRandom } from "./schedule-random.ts";
import type { MemberId } from "./types.ts";

/** Rounds in which a leader must be found and a write committed. */
const FOUND_ROUNDS = 300;
const COMMIT_ROUNDS = 40;
const STABLE_ROUNDS = 200;

/** The directed links of a cluster of `voters`, in the order of the bits of a mask. */
function links(voters: number): [from: MemberId, to: MemberId][] {
  const ids = Array.from({ length: voters }, (_, i) => BigInt(i + 1));
  return ids.flatMap((from) => ids.filter((to) => to !== from).map((to): [MemberId, MemberId] => [from, to]));
}

/** Can some member talk both ways with a majority, itself included? */
function hasCentre(cluster: ScheduleCluster, voters: number): boolean {
  const { network, members } = cluster;
  const ids = [...members.keys()];
  const reaches = (a: MemberId, b: MemberId) => a === b || !(network.isCut(a, b) || network.isCut(b, a));
  return ids.some((id) => ids.filter((other) => reaches(id, other)).length * 2 > voters);
}

/** Cuts the links of the mask for ever; undefined if a stable leader that commits was found, or none can be. */
function complaint(voters: number, mask: number): string | undefined {
  const cluster = new ScheduleCluster({ voters, seed: mask + 1, compacted: false, readsPending: false });
  const operator = new ScheduleOperator(cluster);
  const conditions = { diskChance: 1, drainChance: 1, applyChance: 1, random: new ScheduleRandom(mask) };
  cluster.run(60, conditions);
  for (const [bit, [from, to]] of links(voters).entries()) {
    if (((mask >> bit) & 1) === 1) cluster.network.cut(from, to);
  }
  if (!hasCentre(cluster, voters)) return undefined;
  cluster.run(FOUND_ROUNDS, conditions);
  const { leader } = cluster;
  if (leader === undefined) return `mask ${mask}: no leader`;
  const { term } = leader.node!.status();
  const index = operator.propose(leader, 8);
  cluster.run(COMMIT_ROUNDS, conditions);
  if (index === undefined || cluster.model.commitIndex < index)
    return `mask ${mask}: ${leader.id} cannot commit`;
  cluster.run(STABLE_ROUNDS, conditions);
  const after = cluster.leader?.node?.status().term;
  return after === term ? undefined : `mask ${mask}: term ${term} to ${after}`;
}

describe("a partition of any shape, for ever", () => {
  it("leaves a stable leader if some member of three talks both ways with another (A19, C1)", () => {
    const masks = Array.from({ length: 2 ** 6 }, (_, mask) => mask);
    expect(masks.flatMap((mask) => complaint(3, mask) ?? [])).toEqual([]);
  });

  it("leaves a stable leader if some member of five talks both ways with a majority (A19, C1)", () => {
    const random = new ScheduleRandom(19);
    // Few links cut, since with many there is no such member.
    const masks = Array.from({ length: 60 }, () => random.below(2 ** 20) & random.below(2 ** 20));
    expect(masks.flatMap((mask) => complaint(5, mask) ?? [])).toEqual([]);
  });
});

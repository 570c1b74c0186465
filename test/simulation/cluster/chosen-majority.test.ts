import type { MemberId } from "@rstore/replica/raft/types";
import { expect, test } from "vitest";
import type { FaultInjector } from "../plan/fault-injector.ts";
import { Random } from "../world/random.ts";
import { ChosenMajority } from "./chosen-majority.ts";
import type { SimCluster, Slot } from "./types.ts";

interface Held {
  readonly voters: readonly MemberId[];
  readonly outgoing?: readonly MemberId[];
}

/** Slots whose members have ids 1, 2, … and these configurations in force; undefined: no member is there. */
function createMajority(seed: number, configurations: readonly (Held | undefined)[], lost: MemberId[] = []) {
  const down = new Set<number>();
  const cuts = new Set<number>();
  let heals = 0;
  const slots = configurations.map((configuration, index) => {
    const member = configuration && {
      id: BigInt(index + 1),
      node: { configuration: { configuration: { outgoing: [], ...configuration } } },
    };
    const durable = { memberId: BigInt(index + 1), clusterId: 7n, removedIndex: undefined };
    const disk = { durableLog: () => durable };
    return { index, name: `r${index}`, member, disk, supervised: true, crash: () => down.add(index) };
  }) as unknown as Slot[];
  const cluster = {
    slots,
    world: { say: () => {} },
    network: { cut: (from: number) => cuts.add(from) },
  } as unknown as SimCluster;
  const faults = {
    endAll: () => {
      heals += 1;
    },
    losses: { isLost: (id: MemberId) => lost.includes(id) },
  } as unknown as FaultInjector;
  const majority = new ChosenMajority({ cluster, faults, random: new Random(seed) });
  return { majority, slots, down, heals: () => heals };
}

const ids = (majority: ChosenMajority) => [...majority.slots].map(({ index }) => BigInt(index + 1));

function isMajority(voters: readonly MemberId[], of: readonly MemberId[]): boolean {
  return voters.filter((id) => of.includes(id)).length * 2 > voters.length;
}

test("what is chosen is a majority of each half, at times no more than that", () => {
  const joint = { voters: [1n, 4n, 5n], outgoing: [1n, 2n, 3n] };
  const sizes = new Set<number>();
  for (let seed = 1; seed <= 200; seed += 1) {
    const { majority } = createMajority(seed, Array(5).fill(joint));
    majority.choose();
    expect(isMajority(joint.voters, ids(majority)) && isMajority(joint.outgoing, ids(majority))).toBe(true);
    sizes.add(majority.slots.size);
  }
  expect([...sizes].sort()).toEqual([3, 4, 5]);
});

test("members that are lost do not count", () => {
  const three = { voters: [1n, 2n, 3n] };
  for (let seed = 1; seed <= 50; seed += 1) {
    const { majority } = createMajority(seed, [three, three, three], [3n]);
    majority.choose();
    expect(ids(majority)).toEqual(expect.arrayContaining([1n, 2n]));
    expect(majority.witnesses.map(({ index }) => index).sort()).toEqual([0, 1]);
  }
});

test("when a configuration turns up that needs others, they are brought back", () => {
  for (let seed = 1; ; seed += 1) {
    const { majority, slots, heals } = createMajority(seed, Array(3).fill({ voters: [1n, 2n, 3n] }));
    majority.choose();
    if (majority.slots.size === 3) continue;
    const [kept] = majority.slots;
    const needs = { configuration: { configuration: { voters: [1n, 2n, 3n], outgoing: [4n] } } };
    Object.assign(kept!, { member: { ...kept!.member, node: needs } });
    Object.assign(slots[0]!, { member: { ...slots[0]!.member, id: 4n } });
    expect(majority.isEnough()).toBe(true);
    expect(majority.slots.size).toBe(3);
    expect(heals()).toBe(1);
    return;
  }
});

test("without a majority it is not enough, however many are brought back", () => {
  const three = { voters: [1n, 2n, 3n] };
  const { majority } = createMajority(1, [three, undefined, undefined]);
  expect(majority.isEnough()).toBe(false);
});

test("members that do not run though their disks are in order are not lost", () => {
  const three = { voters: [1n, 2n, 3n] };
  const wouldBeEnough = (members: readonly (Held | undefined)[], lost: MemberId[] = []) => {
    const { majority } = createMajority(1, members, lost);
    expect(majority.isEnough()).toBe(false);
    return majority.wouldBeEnough();
  };
  expect(wouldBeEnough([three, undefined, undefined])).toBe(true);
  expect(wouldBeEnough([three, undefined, undefined], [2n])).toBe(true);
  expect(wouldBeEnough([three, undefined, undefined], [2n, 3n])).toBe(false);
  expect(wouldBeEnough([undefined, undefined, undefined])).toBe(true);
  expect(wouldBeEnough([undefined, undefined, undefined], [2n])).toBe(false);
});

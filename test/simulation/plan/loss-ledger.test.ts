import type { PeerHello } from "@rstore/replica/transport/types";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { SimCluster } from "../cluster/types.ts";
import type { DiskImage, DurableLogState } from "../disk/types.ts";
import { Coverage } from "../world/coverage.ts";
import { World } from "../world/world.ts";
import { LossLedger } from "./loss-ledger.ts";
import { OldCopies } from "./old-copies.ts";
import { PeerMemory } from "./peer-memory.ts";

interface FakeSlot {
  readonly index: number;
  log: DurableLogState | undefined;
  terms: Map<bigint, bigint>;
  configuration: { readonly voters: bigint[]; readonly outgoing: bigint[]; readonly index: bigint };
  leads: boolean;
  committedInTerm: boolean;
  up: boolean;
  readonly life: { isPaused: boolean; isOver: boolean };
}

const promised = {
  clusterId: 1n,
  incarnation: 1n,
  removedIndex: undefined,
  term: 5n,
  vote: 1n,
  commit: 10n,
  firstIndex: 1n,
  lastIndex: 10n,
  lastTerm: 5n,
};

/** Members 1 to n on as many slots, the first of which leads; all disks promise the same. */
function createFake(members: number) {
  const ids = Array.from({ length: members }, (_, i) => BigInt(i + 1));
  const state: FakeSlot[] = ids.map((memberId, index) => ({
    index,
    log: { ...promised, memberId },
    terms: new Map([[10n, 5n]]),
    configuration: { voters: ids, outgoing: [], index: 3n },
    leads: index === 0,
    committedInTerm: true,
    up: true,
    life: { isPaused: false, isOver: false },
  }));
  const world = new World({ seed: 1, coverage: new Coverage(), transcript: undefined });
  const slots = state.map((fake) => ({
    index: fake.index,
    life: fake.life,
    get member() {
      if (!fake.up || fake.log === undefined) return undefined;
      const { voters, outgoing, index } = fake.configuration;
      const configuration = { index, configuration: { voters, outgoing, learners: [], learnersNext: [] } };
      const status = {
        term: fake.log.term,
        committedInTerm: fake.committedInTerm,
        configuration,
        committedConfiguration: configuration,
        joint: outgoing.length > 0,
        configurationCommitted: true,
      };
      return { id: fake.log.memberId, isLeader: fake.leads, node: { configuration, status: () => status } };
    },
    disk: {
      durableLog: () => fake.log,
      durableTerm: (index: bigint) => fake.terms.get(index),
      copy: (): DiskImage => ({ takenAtUs: 0 }),
      restore: () => {},
    },
  }));
  const cluster = { world, slots } as unknown as SimCluster;
  const losses = new LossLedger(cluster);
  const memory = new PeerMemory();
  const replaced: number[] = [];
  const copies = new OldCopies({
    cluster,
    losses,
    memory,
    replaceDisk: ({ index }) => replaced.push(index),
  });
  return { state, cluster, losses, memory, copies, replaced };
}

const slotOf = (cluster: SimCluster, index: number) => cluster.slots[index]!;

test("however often it is asked, at most a minority of each half in force is ever lost (B1)", () => {
  const halves = fc.record({
    members: fc.integer({ min: 1, max: 7 }),
    joinedBy: fc.integer({ min: 0, max: 3 }),
    attempts: fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 20 }),
  });
  fc.assert(
    fc.property(halves, ({ members, joinedBy, attempts }) => {
      const { state, cluster, losses } = createFake(members);
      const outgoing = state.map(({ log }) => log!.memberId).slice(0, Math.max(1, members - joinedBy));
      for (const fake of state) fake.configuration = { ...fake.configuration, outgoing };
      for (const attempt of attempts) {
        const slot = cluster.slots[attempt];
        if (slot === undefined || losses.refusal(slot) !== undefined) continue;
        losses.add(slot.disk.durableLog()!.memberId);
      }
      for (const half of [state[0]!.configuration.voters, outgoing]) {
        const lost = half.filter((voter) => losses.isLost(voter)).length;
        expect(half.length - lost).toBeGreaterThan(half.length / 2);
      }
    }),
  );
});

test("a minority may be lost, and again when it was replaced", () => {
  const { state, cluster, losses } = createFake(3);
  expect(losses.refusal(slotOf(cluster, 1))).toBeUndefined();
  losses.add(2n);
  expect(losses.refusal(slotOf(cluster, 2))).toBe("2 of 3 voters would be lost");
  // What is lost already can be lost again.
  expect(losses.refusal(slotOf(cluster, 1))).toBeUndefined();
  for (const fake of state) fake.configuration = { voters: [1n, 3n, 9n], outgoing: [], index: 7n };
  expect(losses.refusal(slotOf(cluster, 2))).toBeUndefined();
});

test("a change that may be on its way has its majority to lose, too", () => {
  const { cluster, losses } = createFake(5);
  losses.add(5n);
  expect(losses.refusal(slotOf(cluster, 0))).toBeUndefined();
  losses.coming = () => [1n, 4n, 5n];
  expect(losses.refusal(slotOf(cluster, 0))).toBe("2 of 3 voters would be lost");
  expect(losses.refusal(slotOf(cluster, 1))).toBeUndefined();
});

test("nothing is lost while nobody leads for sure: no leader, a new one, or a later term on some disk", () => {
  const { state, cluster, losses } = createFake(3);
  state[0]!.committedInTerm = false;
  expect(losses.refusal(slotOf(cluster, 1))).toBe("no leader is established");
  state[0]!.committedInTerm = true;
  state[2]!.log = { ...state[2]!.log!, term: 6n };
  expect(losses.refusal(slotOf(cluster, 1))).toBe("no leader is established");
  state[2]!.log = { ...state[2]!.log!, term: 5n };
  state[0]!.leads = false;
  expect(losses.refusal(slotOf(cluster, 1))).toBe("no leader is established");
});

test("an empty disk may always be lost", () => {
  const { state, cluster, losses } = createFake(1);
  expect(losses.refusal(slotOf(cluster, 0))).toBe("1 of 1 voters would be lost");
  state[0]!.log = undefined;
  expect(losses.refusal(slotOf(cluster, 0))).toBeUndefined();
});

test("a damaged store counts as lost until its member has been at work for a while", () => {
  const { state, cluster, losses } = createFake(3);
  losses.addDamagedStore(2n, slotOf(cluster, 1));
  expect(losses.refusal(slotOf(cluster, 2))).toBe("2 of 3 voters would be lost");
  state[1]!.up = false;
  run(cluster.world, 20_000);
  expect(losses.refusal(slotOf(cluster, 2))).toBe("2 of 3 voters would be lost");
  state[1]!.up = true;
  run(cluster.world, 30_000);
  expect(losses.refusal(slotOf(cluster, 2))).toBeUndefined();
});

function run(world: World, untilMs: number): void {
  while (world.step(untilMs * 1000)) {}
}

const notRemembered = "it promised what no majority without it has, and not everybody remembers";

function ownCopy({ copies, cluster }: ReturnType<typeof createFake>) {
  const copy = copies.take(slotOf(cluster, 1));
  if (copy === undefined) throw new Error("no copy was taken");
  return { copy, refusal: () => copies.refusal(slotOf(cluster, 1), copy) };
}

test("an old copy is put back only if a majority without it has all that it promised (B2)", () => {
  const fake = createFake(3);
  const { refusal } = ownCopy(fake);
  expect(refusal()).toBeUndefined();
  // One of the two others lacks the last entry.
  fake.state[2]!.log = { ...fake.state[2]!.log!, commit: 8n, lastIndex: 9n };
  fake.state[2]!.terms.delete(10n);
  expect(refusal()).toBe(notRemembered);
});

test("a vote is a promise too: others must have voted alike or gone on to a later term (B2)", () => {
  const fake = createFake(3);
  const { refusal } = ownCopy(fake);
  fake.state[2]!.log = { ...fake.state[2]!.log!, vote: 0n };
  expect(refusal()).toBe(notRemembered);
  fake.state[2]!.log = { ...fake.state[2]!.log!, term: 4n };
  expect(refusal()).toBe(notRemembered);
});

test("an old copy is of this member, under the configuration still in force, and the only one (B2)", () => {
  const fake = createFake(7);
  const { copy, refusal } = ownCopy(fake);
  const [, second] = fake.state;
  second!.log = { ...second!.log!, memberId: 99n };
  expect(refusal()).toBe("another member is on the disk now");
  second!.log = { ...second!.log!, memberId: 2n };
  fake.copies.putBack(slotOf(fake.cluster, 1), copy);
  const other = fake.copies.take(slotOf(fake.cluster, 2))!;
  expect(fake.copies.refusal(slotOf(fake.cluster, 2), other)).toBe("another old copy is not replaced yet");
  for (const slot of fake.state) slot.configuration = { ...slot.configuration, index: 8n };
  expect(refusal()).toBe("membership has changed since");
});

/** A copy that the others may refuse only because they remember later starts of its member. */
function rememberedCopy() {
  const fake = createFake(3);
  const { copy, refusal } = ownCopy(fake);
  fake.state[2]!.log = { ...fake.state[2]!.log!, commit: 8n, lastIndex: 9n };
  fake.state[2]!.terms.delete(10n);
  const remember = (index: number, incarnation: bigint): void => {
    const hello = { from: copy.memberId, incarnation } as PeerHello;
    fake.memory.admitted(fake.cluster.slots[index]!.life!, hello);
  };
  return { ...fake, copy, refusal, remember };
}

test("an old copy is put back when every other member remembers a later start than that from it (B2)", () => {
  const { refusal, remember } = rememberedCopy();
  // The copy knows of start 1, so it begins with start 2.
  remember(0, 3n);
  expect(refusal()).toBe(notRemembered);
  remember(2, 2n);
  expect(refusal()).toBe(notRemembered);
  remember(2, 3n);
  expect(refusal()).toBeUndefined();
});

test("an old copy is replaced before anybody can forget: when a process ends, or membership changes (B2)", () => {
  for (const forget of [
    ({ state }: ReturnType<typeof rememberedCopy>) => {
      state[2]!.life.isOver = true;
    },
    ({ state }: ReturnType<typeof rememberedCopy>) => {
      for (const slot of state) slot.configuration = { ...slot.configuration, index: 8n };
    },
  ]) {
    const fake = rememberedCopy();
    fake.remember(0, 3n);
    fake.remember(2, 3n);
    fake.copies.putBack(slotOf(fake.cluster, 1), fake.copy);
    run(fake.cluster.world, 1000);
    expect(fake.replaced).toEqual([]);
    forget(fake);
    run(fake.cluster.world, 1004);
    expect(fake.replaced).toEqual([1]);
  }
});

test("an old copy that only memory keeps from doing harm does not outlive the faults (B2)", () => {
  const fake = rememberedCopy();
  fake.remember(0, 3n);
  fake.remember(2, 3n);
  fake.copies.putBack(slotOf(fake.cluster, 1), fake.copy);
  fake.copies.endAll();
  run(fake.cluster.world, 20_000);
  expect(fake.replaced).toEqual([1]);
});

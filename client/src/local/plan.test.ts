import { describe, expect, test } from "vitest";
import type { Identity } from "../membership-client.ts";
import type { Member, MemberList } from "../types.ts";
import { type Observation, plan, type SlotObservation } from "./plan.ts";

const clusterId = 0xc1n;

type Disk = { readonly id: bigint; readonly clusterId?: bigint; readonly removedIndex?: bigint } | undefined;

function slot(number: number, disk: Disk, wanted = true): SlotObservation {
  const peerUrl = `http://peer:${number}`;
  const clientUrl = `http://client:${number}`;
  const identity: Identity | undefined =
    disk === undefined
      ? undefined
      : {
          memberId: disk.id,
          clusterId: disk.clusterId ?? 0n,
          name: `r${number}`,
          peerUrl,
          clientUrl,
          incarnation: 1n,
          removed: disk.removedIndex !== undefined,
          removedIndex: disk.removedIndex ?? 0n,
          version: "0.1.0",
        };
  return { slot: number, name: `r${number}`, peerUrl, clientUrl, wanted, identity };
}

const on = (id: bigint) => ({ id, clusterId });

function member(id: bigint, number: number, kind: Member["kind"] = "voter", matchIndex = 1_000n): Member {
  return {
    id,
    name: `r${number}`,
    peerUrl: `http://peer:${number}`,
    clientUrl: `http://client:${number}`,
    kind,
    joinedIndex: 1n,
    progress: { matchIndex, active: true, state: "replicate" },
  };
}

function listOf(members: readonly Member[], change: Partial<MemberList> = {}): MemberList {
  const header = { clusterId, memberId: 1n, leaderId: 1n, term: 2n, revision: 9n };
  return { header, members, configurationIndex: 40n, joint: false, committed: true, ...change };
}

function observe(change: Partial<Observation>): Observation {
  const members = change.members;
  return {
    slots: [],
    bootstrap: undefined,
    clusterId,
    lastVoters: members?.members.filter(({ kind }) => kind === "voter").map(({ id }) => id) ?? [],
    members: undefined,
    commitIndex: 1_000n,
    ...change,
  };
}

const kinds = (observed: Observation) => plan(observed).steps.map(({ type }) => type);

describe("founding", () => {
  const blank = [slot(1, { id: 1n }), slot(2, { id: 2n }), slot(3, { id: 3n })];

  test("the first of the wanted is latched, only when every slot has answered blank (E2)", () => {
    const founding = observe({ slots: blank, clusterId: undefined });
    expect(plan(founding).steps).toMatchObject([{ type: "latch-bootstrap", memberId: 1n }]);
    const silent = observe({ slots: [blank[0]!, blank[1]!, slot(3, undefined)], clusterId: undefined });
    expect(plan(silent)).toMatchObject({ steps: [], waiting: expect.stringContaining("r3") });
  });

  test("after the latch only the latched member founds, and it alone may be asked again", () => {
    const bootstrap = { clusterId, memberId: 2n };
    const founding = observe({ slots: blank, clusterId: undefined, bootstrap });
    expect(plan(founding).steps).toMatchObject([
      { type: "bootstrap", peerUrl: "http://peer:2", clusterId, memberId: 2n },
    ]);
    const silent = observe({
      slots: [blank[0]!, slot(2, undefined), blank[2]!],
      clusterId: undefined,
      bootstrap,
    });
    expect(plan(silent)).toMatchObject({ steps: [], stuck: undefined });
    const founded = observe({
      slots: [blank[0]!, slot(2, on(2n)), blank[2]!],
      clusterId: undefined,
      bootstrap,
    });
    expect(plan(founded).steps).toMatchObject([{ type: "confirm-cluster", clusterId }]);
  });

  test("when the latched member's disk is gone nobody else founds a cluster (B1)", () => {
    const bootstrap = { clusterId, memberId: 9n };
    const gone = plan(observe({ slots: blank, clusterId: undefined, bootstrap }));
    expect(gone.steps).toEqual([]);
    expect(gone.stuck).toContain("rstore local wipe");
  });

  test("disks of a cluster that is not noted are adopted, never founded anew", () => {
    const adopted = observe({ slots: [slot(1, on(1n)), slot(2, { id: 2n })], clusterId: undefined });
    expect(plan(adopted).steps).toMatchObject([{ type: "confirm-cluster", clusterId }]);
  });

  test("two cluster ids: nothing is touched", () => {
    const two = plan(observe({ slots: [slot(1, on(1n)), slot(2, { id: 2n, clusterId: 0xc2n })] }));
    expect(two.steps).toEqual([]);
    expect(two.stuck).toContain("different clusters");
  });
});

describe("joining", () => {
  test("the others join together as learners, and are promoted by one joint change", () => {
    const slots = [slot(1, on(1n)), slot(2, { id: 2n }), slot(3, { id: 3n })];
    const founded = plan(observe({ slots, members: listOf([member(1n, 1)]) }));
    expect(founded.steps).toMatchObject([
      {
        type: "change-membership",
        expectedConfigurationIndex: 40n,
        target: [
          { id: 1n, kind: "voter" },
          { id: 2n, kind: "learner" },
          { id: 3n, kind: "learner" },
        ],
      },
    ]);
    const learners = [member(1n, 1), member(2n, 2, "learner"), member(3n, 3, "learner")];
    const joined = [slot(1, on(1n)), slot(2, on(2n)), slot(3, on(3n))];
    expect(plan(observe({ slots: joined, members: listOf(learners) })).steps).toMatchObject([
      {
        type: "change-membership",
        target: [
          { id: 1n, kind: "voter" },
          { id: 2n, kind: "voter" },
          { id: 3n, kind: "voter" },
        ],
      },
    ]);
  });

  test("nobody is promoted before all learners have caught up", () => {
    const slots = [slot(1, on(1n)), slot(2, on(2n)), slot(3, on(3n))];
    const members = listOf([member(1n, 1), member(2n, 2, "learner"), member(3n, 3, "learner", 100n)]);
    expect(plan(observe({ slots, members }))).toMatchObject({
      steps: [],
      waiting: expect.stringContaining("catch"),
    });
    const unknown = observe({ slots, members, commitIndex: undefined });
    expect(plan(unknown).steps).toEqual([]);
  });

  test("a learner that has not yet heard of its cluster is not added twice", () => {
    const slots = [slot(1, on(1n)), slot(2, { id: 2n })];
    const members = listOf([member(1n, 1), member(2n, 2, "learner", 0n)]);
    expect(plan(observe({ slots, members }))).toMatchObject({
      steps: [],
      waiting: expect.stringContaining("catch"),
    });
  });

  test("nothing is planned while a change is under way", () => {
    const slots = [slot(1, on(1n)), slot(2, { id: 2n })];
    for (const change of [{ joint: true }, { committed: false }]) {
      expect(kinds(observe({ slots, members: listOf([member(1n, 1)], change) }))).toEqual([]);
    }
  });
});

describe("replacing", () => {
  const voters = listOf([member(1n, 1), member(2n, 2), member(3n, 3)]);

  test("a wiped disk comes back under a new id: learner first, then old out and new in at once (B1, B3)", () => {
    const slots = [slot(1, on(1n)), slot(2, on(2n)), slot(3, { id: 33n })];
    const [join] = plan(observe({ slots, members: voters })).steps;
    expect(join).toMatchObject({ type: "change-membership" });
    expect(join!.type === "change-membership" && join!.target.map(({ id, kind }) => [id, kind])).toEqual([
      [1n, "voter"],
      [2n, "voter"],
      [3n, "voter"],
      [33n, "learner"],
    ]);
    const members = listOf([...voters.members, member(33n, 3, "learner")]);
    const caught = [slot(1, on(1n)), slot(2, on(2n)), slot(3, on(33n))];
    const [swap] = plan(observe({ slots: caught, members })).steps;
    expect(swap!.type === "change-membership" && swap!.target.map(({ id, kind }) => [id, kind])).toEqual([
      [1n, "voter"],
      [2n, "voter"],
      [33n, "voter"],
    ]);
  });

  test("a member that is only silent is never replaced", () => {
    const slots = [slot(1, on(1n)), slot(2, on(2n)), slot(3, undefined)];
    expect(plan(observe({ slots, members: voters }))).toMatchObject({ steps: [], settled: true });
  });

  test("without a majority nothing is done; with the majority's data gone a person is asked", () => {
    const slots = [slot(1, on(1n)), slot(2, { id: 22n }), slot(3, { id: 33n })];
    const lost = plan(observe({ slots, lastVoters: [1n, 2n, 3n] }));
    expect(lost.steps).toEqual([]);
    expect(lost.stuck).toContain("2 of 3 voters is gone");
    const electing = plan(
      observe({ slots: [slot(1, on(1n)), slot(2, on(2n)), slot(3, { id: 33n })], lastVoters: [1n, 2n, 3n] }),
    );
    expect(electing).toMatchObject({ steps: [], stuck: undefined });
  });

  test("a removed member's disk is reset before it joins again", () => {
    const slots = [slot(1, on(1n)), slot(2, on(2n)), slot(3, { id: 3n, clusterId, removedIndex: 30n })];
    const members = listOf([member(1n, 1), member(2n, 2)]);
    expect(plan(observe({ slots, members })).steps).toMatchObject([
      { type: "reset", peerUrl: "http://peer:3", clusterId, memberId: 3n, removedIndex: 30n },
    ]);
    const unaware = [slot(1, on(1n)), slot(2, on(2n)), slot(3, on(3n))];
    expect(plan(observe({ slots: unaware, members })).steps).toMatchObject([
      { type: "reset", removedIndex: 40n },
    ]);
  });
});

describe("another number of replicas", () => {
  const five = [1n, 2n, 3n, 4n, 5n];
  const members = listOf(five.map((id) => member(id, Number(id))));

  test("the highest slots leave by one joint change, then their processes end", () => {
    const slots = five.map((id) => slot(Number(id), on(id), id <= 3n));
    const [shrink] = plan(observe({ slots, members })).steps;
    expect(shrink!.type === "change-membership" && shrink!.target.map(({ id }) => id)).toEqual([1n, 2n, 3n]);
    const left = listOf([1n, 2n, 3n].map((id) => member(id, Number(id))));
    expect(plan(observe({ slots, members: left })).steps).toMatchObject([
      { type: "retire-slot", slot: 4 },
      { type: "retire-slot", slot: 5 },
    ]);
  });

  test("they stay while the voters that would be left have no live majority", () => {
    const slots = five.map((id) => slot(Number(id), id === 1n || id > 3n ? on(id) : undefined, id <= 3n));
    expect(plan(observe({ slots, members }))).toMatchObject({
      steps: [],
      waiting: expect.stringContaining("majority"),
    });
  });

  test("members that a person added elsewhere are left alone", () => {
    const slots = [slot(1, on(1n))];
    expect(plan(observe({ slots, members: listOf([member(1n, 1), member(9n, 9)]) }))).toMatchObject({
      steps: [],
      settled: true,
    });
  });

  test("what was done is noted: the voters of each believed configuration", () => {
    const slots = [slot(1, on(1n))];
    const noted = plan(observe({ slots, members: listOf([member(1n, 1)]), lastVoters: [7n] }));
    expect(noted.steps).toMatchObject([{ type: "note-voters", voters: [1n] }]);
  });
});

import { describe, expect, it } from "vitest";
import { peerReading, replicaReading } from "../metrics/testing/sample-reading.ts";
import type { Configuration } from "../raft/types.ts";
import { type ReadReplicaParts, readReplica } from "./read-replica.ts";

interface MemberFake {
  readonly id?: bigint;
  readonly role?: "leader" | "follower";
  readonly configuration?: Partial<Configuration>;
  /** Who was heard of; by default everybody. */
  readonly active?: readonly bigint[];
  readonly leaderless?: boolean;
  readonly writingSinceMs?: number;
}

function memberOf(fake: MemberFake): object {
  const { id = 1n, role = "leader" } = fake;
  const none = { outgoing: [], learners: [], learnersNext: [], context: new Uint8Array(0) };
  const configuration = { voters: [1n, 2n, 3n], ...none, ...fake.configuration };
  const all = [...new Set([...configuration.voters, ...configuration.outgoing, ...configuration.learners])];
  const progress = { state: "replicate", inflightBytes: 7, match: 90n } as const;
  return {
    id,
    node: {
      status: () => ({
        role,
        lastIndex: 100n,
        configuration: { index: 5n, configuration },
        members:
          role === "leader"
            ? all.map((one) => ({ ...progress, id: one, recentActive: fake.active?.includes(one) ?? true }))
            : [],
        preVotesStarted: 3,
        electionsStarted: 2,
      }),
    },
    proposals: { pending: 4 },
    reads: { pending: 5 },
    loop: { writingSinceMs: fake.writingSinceMs },
    machine: { applier: { overlayBytes: 6 }, store: { compactionPending: true } },
    snapshotSender: { underWay: 1 },
    snapshotReceiver: { busy: true },
    readiness: { isLeaderless: fake.leaderless ?? false, isCaughtUp: true },
    record: (of: bigint) => (of === 2n ? { name: "r2" } : undefined),
  };
}

function read(change: {
  member?: MemberFake | undefined;
  lifecycle?: object;
  disk?: object;
  refused?: boolean;
}) {
  const sample = replicaReading();
  const usage = { usedBytes: 10, fileBytes: 30 };
  const log = { usage: () => usage, bytesAfter: () => 99, firstIndex: () => 1n };
  const lifecycle = {
    resetting: false,
    leaving: false,
    isRemoved: false,
    recovery: undefined,
    member: "member" in change ? change.member && memberOf(change.member) : memberOf({}),
    directory: { log, store: { usage: () => usage } },
    ...change.lifecycle,
  };
  const replica = {
    status: () => ({ ...sample.status, diskRefused: change.refused ?? false }),
    identity: () => sample.identity,
    answerState: () => sample.state,
    readiness: () => [],
  };
  const report = { state: "ok", reason: undefined, freeBytes: 1, totalBytes: 2, hasReserve: true };
  const parts = {
    replica,
    lifecycle,
    disk: { report: { ...report, ...change.disk } },
    clock: { nowMs: () => 5000 },
    peers: [peerReading(2n), peerReading(3n)],
  };
  return readReplica(parts as unknown as ReadReplicaParts);
}

describe("failures that a leader tolerates", () => {
  const tolerated = (member: MemberFake) => read({ member })?.member?.failuresTolerated;

  it("are the voters beyond a majority that it hears of", () => {
    expect(tolerated({})).toBe(1);
    expect(tolerated({ active: [1n, 2n] })).toBe(0);
    expect(tolerated({ active: [1n] })).toBe(-1);
    expect(tolerated({ configuration: { voters: [1n] } })).toBe(0);
  });

  it("do not count learners", () => {
    expect(tolerated({ configuration: { voters: [1n, 2n], learners: [3n] } })).toBe(0);
  });

  it("are those of the half that is worse off while joint", () => {
    const configuration = { voters: [1n, 2n, 3n, 4n, 5n], outgoing: [1n, 6n, 7n] };
    expect(tolerated({ configuration })).toBe(1);
    expect(tolerated({ configuration, active: [1n, 2n, 3n, 4n, 5n, 6n] })).toBe(0);
    expect(tolerated({ configuration, active: [1n, 2n, 6n, 7n] })).toBe(-1);
  });

  it("are not known by others", () => {
    expect(tolerated({ role: "follower" })).toBeUndefined();
  });
});

describe("what a member says", () => {
  it("is what it knows of itself and of those behind it", () => {
    const { member, disk, peers } = read({ member: { writingSinceMs: 4500 } })!;
    expect(member).toMatchObject({
      voters: 3,
      isLearner: false,
      preVotesStarted: 3,
      electionsStarted: 2,
      proposalsPending: 4,
      readsPending: 5,
      logFlushUnderWaySeconds: 0.5,
      overlayBytes: 6,
      compactionPending: true,
      snapshotsSending: 1,
      snapshotReceiving: true,
    });
    expect(member?.followers).toEqual([
      { memberId: 2n, lagEntries: 10, state: "replicate", active: true, inflightBytes: 7 },
      { memberId: 3n, lagEntries: 10, state: "replicate", active: true, inflightBytes: 7 },
    ]);
    expect(disk).toMatchObject({ storeFreeBytes: 20, logFreeBytes: 20, logEntryBytes: 99 });
    expect(peers.map(({ name }) => name)).toEqual(["r2", ""]);
  });

  it("is that it has no vote, as a learner", () => {
    const configuration = { voters: [2n], learners: [1n] };
    expect(read({ member: { role: "follower", configuration } })?.member?.isLearner).toBe(true);
  });

  it("is nothing while it changes its directory", () => {
    expect(read({ lifecycle: { resetting: true } })).toBeUndefined();
  });
});

describe("problems", () => {
  it.each([
    ["none", {}, []],
    ["no leader", { member: { leaderless: true } }, ["no-leader"]],
    ["a blank disk", { member: undefined }, ["uninitialized"]],
    ["removed", { member: undefined, lifecycle: { isRemoved: true } }, ["removed"]],
    ["a store that is fetched anew (B7)", { member: undefined, lifecycle: { recovery: {} } }, ["store-lost"]],
    ["stopping", { lifecycle: { leaving: true } }, ["stopping"]],
    ["the quota", { disk: { state: "low", reason: "quota" } }, ["quota"]],
    ["a disk that runs out (B11)", { disk: { state: "low", reason: "disk" } }, ["disk-low"]],
    ["a full disk (B11)", { disk: { state: "full", reason: "disk" } }, ["disk-full"]],
    ["an old copy of a disk (B2)", { refused: true }, ["disk-refused"]],
  ])("%s", (_what, change, problems) => {
    expect(read(change)?.problems).toEqual(problems);
  });
});

import type { AppendEntriesResponse, Message, RequestVote } from "@rstore/replica/raft/types";
import { describe, expect, test } from "vitest";
import { configurationOf, FakeCluster } from "./fake-cluster.ts";

/** What the checks say when r1 (member 20) of three sends this; r0 leads in term 2. */
function sent(message: Message, before: (cluster: FakeCluster) => void = () => {}): string | undefined {
  const cluster = FakeCluster.founded(3);
  cluster.settle(0);
  before(cluster);
  expect(cluster.violation).toBeUndefined();
  cluster.send(1, message);
  return cluster.violation;
}

const vote = (term: bigint): Message => ({
  type: "RequestVoteResponse",
  from: 20n,
  to: 30n,
  term,
  granted: true,
});

/** By a transfer, which needs no pre-votes. */
const request = (change: Partial<RequestVote> = {}): RequestVote => ({
  type: "RequestVote",
  from: 20n,
  to: 30n,
  term: 3n,
  lastLogIndex: 2n,
  lastLogTerm: 2n,
  transfer: true,
  ...change,
});

const acknowledgement = (change: Partial<AppendEntriesResponse> = {}): AppendEntriesResponse => ({
  type: "AppendEntriesResponse",
  from: 20n,
  to: 10n,
  term: 2n,
  index: 2n,
  rejected: false,
  hintIndex: 0n,
  hintTerm: 0n,
  ...change,
});

/** r1 is a candidate of term 3 with its vote on the disk. */
function campaign(cluster: FakeCluster): void {
  cluster.disk(1).tell({ term: 3n, vote: 20n });
  Object.assign(cluster.member(1), { term: 3n, role: "candidate" });
  cluster.look(1);
}

describe("durable-before-promise (B1, B4)", () => {
  test("a granted vote whose term is not on the disk", () => {
    expect(sent(vote(3n))).toBe("durable-before-promise");
  });

  test("a granted vote when another one is on the disk", () => {
    const other = (cluster: FakeCluster) => cluster.disk(1).tell({ term: 3n, vote: 20n });
    expect(sent(vote(3n), other)).toBe("durable-before-promise");
  });

  test("a granted vote that is on the disk, or void by a later term there", () => {
    expect(sent(vote(3n), (cluster) => cluster.disk(1).tell({ term: 3n, vote: 30n }))).toBeUndefined();
    expect(sent(vote(3n), (cluster) => cluster.disk(1).tell({ term: 4n, vote: 0n }))).toBeUndefined();
  });

  test("a request for votes before the own vote is on the disk", () => {
    expect(sent(request())).toBe("durable-before-promise");
    const other = (cluster: FakeCluster) => cluster.disk(1).tell({ term: 3n, vote: 30n });
    expect(sent(request(), other)).toBe("durable-before-promise");
  });

  test("a request for votes that claims an entry that is not on the disk", () => {
    const before = (cluster: FakeCluster): void => {
      cluster.append(0, "a");
      cluster.replicate(0, 1);
      campaign(cluster);
    };
    expect(sent(request({ lastLogIndex: 3n }), before)).toBe("durable-before-promise");
    const persisted = (cluster: FakeCluster): void => {
      before(cluster);
      cluster.persist(1);
    };
    expect(sent(request({ lastLogIndex: 3n }), persisted)).toBeUndefined();
  });

  test("a request for votes that claims another term of its last entry", () => {
    expect(sent(request({ lastLogTerm: 3n }), campaign)).toBe("durable-before-promise");
    expect(sent(request(), campaign)).toBeUndefined();
  });

  test("an acknowledged entry that is not on the disk", () => {
    const before = (cluster: FakeCluster): void => {
      cluster.append(0, "a");
      cluster.replicate(0, 1);
    };
    expect(sent(acknowledgement({ index: 3n }), before)).toBe("durable-before-promise");
    const persisted = (cluster: FakeCluster): void => {
      before(cluster);
      cluster.persist(1);
    };
    expect(sent(acknowledgement({ index: 3n }), persisted)).toBeUndefined();
  });

  test("an acknowledgement beyond the own log, or in a term that is not on the disk", () => {
    expect(sent(acknowledgement({ index: 9n }))).toBe("durable-before-promise");
    expect(sent(acknowledgement({ term: 3n }))).toBe("durable-before-promise");
  });

  test("a refusal promises nothing", () => {
    expect(sent(acknowledgement({ index: 9n, rejected: true }))).toBeUndefined();
    expect(sent({ ...vote(3n), granted: false } as Message)).toBeUndefined();
  });
});

test("one-vote-a-term: another vote of a term that has passed on the disk (Raft §5.2)", () => {
  const violation = sent(vote(3n), (cluster) => {
    cluster.disk(1).tell({ term: 3n, vote: 20n });
    cluster.disk(1).tell({ term: 4n, vote: 0n });
  });
  expect(violation).toBe("one-vote-a-term");
});

test("log-matching: an acknowledgement of an entry that the leader does not have", () => {
  const violation = sent(acknowledgement({ index: 3n, term: 3n, to: 30n }), (cluster) => {
    cluster.append(0, "a");
    cluster.replicate(0, 1);
    cluster.elect(2, 3n);
    cluster.persist(1);
  });
  expect(violation).toBe("log-matching");
});

test("log-matching: a message carries another entry than the log of its leader", () => {
  const cluster = FakeCluster.founded(3);
  cluster.append(0, "a");
  const entry = { index: 3n, term: 2n, type: "normal", data: new Uint8Array(7) } as const;
  const base = { from: 10n, to: 20n, term: 2n, previousTerm: 2n, commit: 0n } as const;
  cluster.send(0, { ...base, type: "AppendEntries", previousIndex: 1n, entries: [entry] });
  expect(cluster.violation).toBeUndefined();
  cluster.send(0, {
    ...base,
    type: "AppendEntries",
    previousIndex: 1n,
    previousTerm: 1n,
    entries: [entry],
  });
  expect(cluster.violation).toBe("log-matching");
});

describe("blank-never-votes", () => {
  test.each([
    ["a vote", vote(2n)],
    ["a request for votes", request({ term: 2n })],
    ["an acknowledgement", acknowledgement()],
  ])("%s from a disk without a stamp, of a removed member, or without a member (A4, B1)", (_, message) => {
    const blank = (cluster: FakeCluster): void => {
      const disk = cluster.disk(1);
      disk.tampered += 1;
      disk.identity = { ...disk.identity, clusterId: undefined };
    };
    expect(sent(message, blank)).toBe("blank-never-votes");
    expect(sent(message, (cluster) => cluster.disk(1).tell({ removedIndex: 2n }))).toBe("blank-never-votes");
    const recovering = (cluster: FakeCluster): void => {
      cluster.slots[1]!.member = undefined;
    };
    expect(sent(message, recovering)).toBe("blank-never-votes");
  });

  test("what a process sends that died within the step goes nowhere", () => {
    expect(sent(vote(9n), (cluster) => cluster.slots[1]!.end())).toBeUndefined();
  });

  test("identity: in the name of another", () => {
    expect(sent({ ...acknowledgement(), from: 30n })).toBe("identity");
  });
});

describe("only-voters-campaign (A3, A20)", () => {
  test("a learner asks for votes", () => {
    const cluster = FakeCluster.founded(3, configurationOf([10n, 30n], { learners: [20n] }));
    cluster.settle(0);
    campaign(cluster);
    cluster.send(1, request());
    expect(cluster.violation).toBe("only-voters-campaign");
  });

  test("a voter that an uncommitted configuration is without still may", () => {
    const cluster = FakeCluster.founded(3);
    cluster.settle(0);
    cluster.append(0, configurationOf([10n, 30n], { outgoing: [10n, 20n, 30n] }));
    cluster.settle(0);
    cluster.append(0, configurationOf([10n, 30n]));
    cluster.replicate(0, 1);
    cluster.persist(1);
    campaign(cluster);
    cluster.send(1, request({ lastLogIndex: 4n }));
    expect(cluster.world.violation).toBeUndefined();
  });
});

import { describe, expect, test } from "vitest";
import { after, FakeCluster } from "./fake-cluster.ts";

describe("a good run", () => {
  test("elections, writes, truncation, compaction, crashes and a snapshot break no rule", () => {
    const cluster = FakeCluster.founded(3);
    cluster.settle(0);
    cluster.write(0, "a");
    // Two entries reach nobody else; the next leader replaces them.
    cluster.append(0, "lost");
    cluster.append(0, "lost too");
    cluster.persist(0);
    cluster.elect(1, 3n);
    cluster.settle(1);
    cluster.write(1, "b");
    cluster.slots[2]!.end();
    cluster.write(1, "c");
    cluster.write(1, "d");
    const leader = cluster.member(1);
    cluster.disk(1).applied = leader.machine.appliedIndex;
    leader.log.compactTo(leader.log.committed);
    leader.baseConfiguration = 1n;
    cluster.persist(1);
    const late = cluster.slots[2]!.start();
    cluster.look(2);
    late.log.resetTo(leader.log.base.index, leader.log.base.term);
    late.baseConfiguration = 1n;
    late.log.committed = leader.log.base.index;
    cluster.look(2);
    Object.assign(late.machine, {
      appliedIndex: leader.machine.appliedIndex,
      store: { ...leader.machine.store },
    });
    cluster.disk(2).applied = late.machine.appliedIndex;
    cluster.persist(2);
    cluster.checks.full(cluster, true);
    cluster.checks.acknowledged(leader.machine.store.revision);
    expect(cluster.world.violation).toBeUndefined();
    expect(cluster.checks.committedRevision).toBe(leader.machine.store.revision);
    const { coverage } = cluster.world;
    expect(coverage.get("elections.won")).toBe(2);
    expect(coverage.get("elections.started")).toBe(2);
    expect(coverage.get("log.truncated")).toBe(1);
    expect(coverage.get("log.compacted")).toBe(1);
    expect(coverage.get("snapshot.installed")).toBe(1);
  });

  test("terms that ended without a leader are counted when a later one has one", () => {
    const cluster = FakeCluster.founded(3);
    cluster.settle(0);
    const candidate = cluster.member(1);
    candidate.role = "candidate";
    candidate.term = 3n;
    cluster.look(1);
    cluster.elect(2, 4n);
    expect(cluster.world.violation).toBeUndefined();
    expect(cluster.world.coverage.get("terms.leaderless")).toBe(1);
  });
});

describe("elections", () => {
  test("election-safety: two leaders in one term (Raft §5.2)", () => {
    const violation = after((cluster) => {
      const second = cluster.member(1);
      second.role = "leader";
      second.term = 2n;
      cluster.look(1);
    });
    expect(violation).toBe("election-safety");
  });

  test("election-safety: a message that only the leader sends", () => {
    const violation = after((cluster) => {
      cluster.send(1, { type: "Heartbeat", from: 20n, to: 30n, term: 2n, commit: 0n, readSequence: 0n });
    });
    expect(violation).toBe("election-safety");
  });

  test("election-quorum: a leader without the votes of a majority", () => {
    const violation = after((cluster) => {
      cluster.settle(0);
      cluster.disk(1).tell({ term: 3n, vote: 20n });
      Object.assign(cluster.member(1), { role: "leader", term: 3n });
      cluster.member(1).log.append(3n);
      cluster.look(1);
    });
    expect(violation).toBe("election-quorum");
  });

  test("one-vote-a-term: a second vote becomes durable, also after another start", () => {
    const violation = after((cluster) => {
      cluster.disk(1).tampered += 1;
      cluster.disk(1).hardState = { term: 2n, vote: 30n, commit: 1n };
      cluster.checks.full(cluster);
    });
    expect(violation).toBe("one-vote-a-term");
  });

  test("leader-completeness: a leader that lacks a committed entry (Raft §5.4)", () => {
    const violation = after((cluster) => {
      cluster.append(0, "a");
      cluster.replicate(0, 1);
      cluster.persist(0, 1);
      cluster.commit(0, 3n);
      cluster.elect(2, 3n);
    });
    expect(violation).toBe("leader-completeness");
  });

  test("leader-completeness: an old leader commits what a later one lacks", () => {
    const violation = after((cluster) => {
      cluster.append(0, "a");
      cluster.replicate(0, 1);
      cluster.persist(0, 1);
      for (const slot of [1, 2]) cluster.disk(slot).tell({ term: 3n, vote: 30n });
      Object.assign(cluster.member(2), { role: "leader", term: 3n });
      cluster.member(2).log.append(3n);
      cluster.look(2);
      expect(cluster.violation).toBeUndefined();
      cluster.commit(0, 3n);
    });
    expect(violation).toBe("leader-completeness");
  });

  test("term-monotonic, commit-monotonic, applied-monotonic: nothing goes back within a life", () => {
    expect(
      after((cluster) => {
        cluster.member(1).term = 1n;
        cluster.look(1);
      }),
    ).toBe("term-monotonic");
    expect(
      after((cluster) => {
        cluster.settle(0);
        cluster.commit(1, 1n);
      }),
    ).toBe("commit-monotonic");
    expect(
      after((cluster) => {
        cluster.settle(0);
        cluster.member(1).machine.appliedIndex = 1n;
        cluster.look(1);
      }),
    ).toBe("applied-monotonic");
  });
});

describe("logs", () => {
  test("leader-append-only: a leader removes an entry of its own", () => {
    const violation = after((cluster) => {
      cluster.append(0, "a");
      cluster.member(0).log.truncateFrom(3n);
      cluster.look(0);
    });
    expect(violation).toBe("leader-append-only");
  });

  test("log-matching: other data at the same index and term (Raft §5.3)", () => {
    const violation = after((cluster) => {
      cluster.append(0, "a");
      const { log } = cluster.member(1);
      log.append(2n);
      log.append(2n, "b");
      cluster.look(1);
    });
    expect(violation).toBe("log-matching");
  });

  test("log-matching: the same entry after another one", () => {
    const violation = after((cluster) => {
      cluster.append(0, "only here");
      cluster.elect(1, 3n);
      cluster.append(1, "everywhere");
      const { log } = cluster.member(0);
      log.append(3n, "everywhere");
      log.entries = log.entries.map((entry, i) => ({ ...entry, index: BigInt(i + 1) }));
      log.entries.splice(1, 1);
      log.entries[1] = { ...log.entries[1]!, index: 2n };
      log.entries[2] = { ...log.entries[2]!, index: 3n };
      cluster.look(0);
    });
    expect(violation).toBe("log-matching");
  });

  test("log-matching: a log that begins after an entry that nobody had", () => {
    const violation = after((cluster) => {
      cluster.member(1).log.resetTo(9n, 2n);
      cluster.look(1);
    });
    expect(violation).toBe("log-matching");
  });

  test("entries-from-leaders: a follower makes an entry", () => {
    const violation = after((cluster) => {
      cluster.replicate(0, 1);
      cluster.append(1, "made up");
    });
    expect(violation).toBe("entries-from-leaders");
  });

  test("log-content: an entry on a disk is not what was written", () => {
    const violation = after((cluster) => {
      cluster.write(0, "a");
      const { entries } = cluster.disk(1).log;
      entries[2] = { ...entries[2]!, data: new TextEncoder().encode("b") };
      cluster.checks.full(cluster, true);
    });
    expect(violation).toBe("log-content");
  });

  test("log-content: an entry is not there when a member begins", () => {
    const violation = after((cluster) => {
      cluster.write(0, "a");
      cluster.slots[1]!.end();
      cluster.slots[1]!.start();
      const { log } = cluster.disk(1);
      cluster.disk(1).durableEntry = (index) => (index === 2n ? undefined : log.entry(index));
      cluster.look(1);
    });
    expect(violation).toBe("log-content");
  });

  test("log-content: the rotation of full checks comes to every disk", () => {
    const violation = after((cluster) => {
      cluster.write(0, "a");
      cluster.disk(2).log.entries.pop();
      cluster.disk(2).log.append(2n, "b");
      for (let i = 0; i < 3; i++) cluster.checks.full(cluster);
    });
    expect(violation).toBe("log-content");
  });
});

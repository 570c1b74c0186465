import { describe, expect, test } from "vitest";
import { after, configurationOf, FakeCluster } from "./fake-cluster.ts";

describe("commits", () => {
  test("commit-durable: committed before a majority has it durably (B4)", () => {
    const violation = after((cluster) => {
      cluster.append(0, "a");
      cluster.replicate(0, 1, 2);
      cluster.persist(0);
      cluster.commit(0, 3n);
    });
    expect(violation).toBe("commit-durable");
  });

  test("commit-durable: a disk that was wiped since still counts", () => {
    const violation = after((cluster) => {
      cluster.append(0, "a");
      cluster.replicate(0, 1);
      cluster.persist(0, 1);
      cluster.slots[1]!.end();
      const disk = cluster.disk(1);
      disk.tampered += 1;
      disk.identity = { memberId: 21n, clusterId: undefined, incarnation: 1n, removedIndex: undefined };
      disk.log = new FakeCluster(1).disk(0).log;
      disk.hardState = { term: 0n, vote: 0n, commit: 0n };
      cluster.commit(0, 3n);
      cluster.checks.full(cluster);
    });
    expect(violation).toBeUndefined();
  });

  test("commit-durable: a follower commits what no leader did", () => {
    const violation = after((cluster) => {
      cluster.replicate(0, 1, 2);
      cluster.persist(0, 1, 2);
      cluster.commit(1, 2n);
    });
    expect(violation).toBe("commit-durable");
  });

  test("commit-durable: beyond the end of the log", () => {
    expect(after((cluster) => cluster.commit(0, 9n))).toBe("commit-durable");
  });

  test("commit-own-term: an entry of an earlier term by counting (Raft §5.4.2)", () => {
    const violation = after((cluster) => {
      cluster.replicate(0, 1, 2);
      cluster.persist(0, 1, 2);
      cluster.elect(1, 3n);
      cluster.commit(1, 2n);
    });
    expect(violation).toBe("commit-own-term");
  });

  test("state-machine-safety: a member commits another entry (Raft §5.4.3)", () => {
    const violation = after((cluster) => {
      cluster.persist(0);
      cluster.slots[0]!.end();
      cluster.elect(1, 3n);
      cluster.settle(1);
      cluster.disk(0).hardState.commit = 2n;
      cluster.slots[0]!.start();
      cluster.look(0);
    });
    expect(violation).toBe("state-machine-safety");
  });

  test("state-machine-safety: what is committed goes on from something else", () => {
    const cluster = FakeCluster.founded(2, configurationOf([10n]));
    cluster.persist(0);
    const { log: first } = cluster.disk(0);
    cluster.elect(1, 3n);
    cluster.append(1, "other");
    cluster.persist(1);
    cluster.replicate(1, 0);
    cluster.persist(0);
    for (const slot of cluster.slots) slot.end();
    // The only voter had both on its disk, one after the other.
    cluster.disk(0).log = first;
    cluster.disk(0).tell();
    cluster.disk(0).hardState.commit = 2n;
    cluster.slots[0]!.start();
    cluster.look(0);
    expect(cluster.violation).toBeUndefined();
    cluster.disk(1).hardState.commit = 3n;
    cluster.slots[1]!.start();
    cluster.look(1);
    expect(cluster.violation).toBe("state-machine-safety");
  });

  test("committed-stays: what a member has committed is replaced, in memory or on its disk", () => {
    const inMemory = after((cluster) => {
      cluster.write(0, "a");
      cluster.member(2).log.truncateFrom(3n);
      cluster.look(2);
    });
    expect(inMemory).toBe("committed-stays");
    const onDisk = after((cluster) => {
      cluster.write(0, "a");
      cluster.disk(2).log.truncateFrom(3n);
      cluster.disk(2).tell();
    });
    expect(onDisk).toBe("committed-stays");
  });

  test("acknowledged-durable: a client is told of what nobody applied", () => {
    expect(after((cluster) => cluster.checks.acknowledged(2n))).toBe("acknowledged-durable");
    expect(after((cluster) => cluster.checks.acknowledged(1n))).toBeUndefined();
    const applied = after((cluster) => {
      cluster.settle(0);
      cluster.write(0, "a");
      cluster.checks.acknowledged(2n);
    });
    expect(applied).toBeUndefined();
  });
});

describe("applied entries", () => {
  test("state-machine-safety: an entry is applied that is not committed", () => {
    const violation = after((cluster) => {
      cluster.append(0, "a");
      const { log, machine } = cluster.member(0);
      for (const entry of log.entries) machine.apply(entry);
    });
    expect(violation).toBe("state-machine-safety");
  });

  test("state-machine-safety: another entry than the committed one is applied", () => {
    const violation = after((cluster) => {
      cluster.settle(0);
      cluster.append(0, "a");
      cluster.replicate(0, 1, 2);
      cluster.persist(0, 1, 2);
      cluster.commit(0, 3n);
      cluster.member(0).machine.apply({ index: 3n, term: 2n, type: "normal", data: new Uint8Array(9) });
    });
    expect(violation).toBe("state-machine-safety");
  });

  test("state-machine-safety: stores differ though they applied the same (B14)", () => {
    const violation = after((cluster) => {
      cluster.settle(0);
      cluster.member(1).machine.store.rollingHash += 1n;
      cluster.checks.full(cluster);
    });
    expect(violation).toBe("state-machine-safety");
  });

  test("state-machine-safety: a snapshot brings another revision", () => {
    const violation = after((cluster) => {
      cluster.settle(0);
      cluster.slots[2]!.end();
      cluster.write(0, "a");
      const late = cluster.slots[2]!.start();
      cluster.look(2);
      const { store, appliedIndex } = cluster.member(0).machine;
      Object.assign(late.machine, { appliedIndex, store: { ...store, revision: store.revision + 1n } });
      cluster.look(2);
    });
    expect(violation).toBe("state-machine-safety");
  });

  test("a member that is removed by an entry applies those after it, and may say so", () => {
    const violation = after((cluster) => {
      cluster.settle(0);
      cluster.append(0, "a");
      cluster.append(0, "b");
      cluster.replicate(0, 1);
      cluster.persist(0, 1);
      const { log, machine } = cluster.member(0);
      log.committed = 4n;
      machine.apply(log.entry(3n)!);
      cluster.slots[0]!.member = undefined;
      cluster.look(0);
      machine.apply(log.entry(4n)!);
      cluster.checks.acknowledged(3n);
    });
    expect(violation).toBeUndefined();
  });

  test("a process that died within the step applies on, and nobody sees it", () => {
    const violation = after((cluster) => {
      const { log, machine } = cluster.member(0);
      cluster.append(0, "a");
      cluster.slots[0]!.end();
      for (const entry of log.entries) machine.apply(entry);
    });
    expect(violation).toBeUndefined();
  });
});

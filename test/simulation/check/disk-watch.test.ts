import { describe, expect, test } from "vitest";
import { FakeCluster } from "./fake-cluster.ts";

function after(change: (cluster: FakeCluster) => void): string | undefined {
  const cluster = FakeCluster.founded(3);
  cluster.settle(0);
  expect(cluster.violation).toBeUndefined();
  change(cluster);
  return cluster.violation;
}

describe("durable-never-goes-back: on one disk", () => {
  test.each([
    ["the term", { term: 1n, vote: 0n }],
    ["the vote of a term", { vote: 30n }],
    ["a vote that is forgotten", { vote: 0n }],
    ["the commit index", { commit: 0n }],
    ["the count of starts", { incarnation: 1n }],
    ["the stamp of the cluster", { clusterId: undefined }],
  ])("%s", (_, change) => {
    expect(after((cluster) => cluster.disk(1).tell(change))).toBe("durable-never-goes-back");
  });

  test("the knowledge of the own removal", () => {
    const violation = after((cluster) => {
      cluster.disk(1).tell({ removedIndex: 2n });
      cluster.disk(1).tell({ removedIndex: undefined });
      expect(cluster.world.coverage.get("membership.removed-learned")).toBe(1);
    });
    expect(violation).toBe("durable-never-goes-back");
  });

  test("the store", () => {
    const violation = after((cluster) => {
      cluster.disk(1).applied = 2n;
      cluster.checks.full(cluster);
      cluster.disk(1).applied = 1n;
      cluster.checks.full(cluster);
    });
    expect(violation).toBe("durable-never-goes-back");
  });

  test("what changes without a word", () => {
    const violation = after((cluster) => {
      cluster.disk(1).hardState.term = 9n;
      cluster.checks.full(cluster);
    });
    expect(violation).toBe("durable-never-goes-back");
  });

  test("all of it may, when a plan put an old copy in its place", () => {
    const violation = after((cluster) => {
      const disk = cluster.disk(1);
      disk.applied = 2n;
      cluster.checks.full(cluster);
      cluster.slots[1]!.end();
      disk.tampered += 1;
      disk.applied = 0n;
      disk.hardState = { term: 1n, vote: 0n, commit: 1n };
      disk.log.truncateFrom(2n);
      disk.identity = { ...disk.identity, incarnation: 0n };
      cluster.slots[1]!.start();
      cluster.look(1);
      cluster.checks.full(cluster, true);
    });
    expect(violation).toBeUndefined();
  });
});

describe("identity", () => {
  test("one-cluster: a disk of a second cluster (B3)", () => {
    const violation = after((cluster) => {
      cluster.disk(2).tampered += 1;
      cluster.disk(2).tell({ memberId: 99n, clusterId: 78n });
    });
    expect(violation).toBe("one-cluster");
  });

  test("identity: a member runs on the disk of another", () => {
    const violation = after((cluster) => {
      cluster.slots[1]!.end();
      cluster.disk(1).tampered += 1;
      cluster.disk(1).tell({ memberId: 99n });
      cluster.slots[1]!.start();
      cluster.look(1);
    });
    expect(violation).toBe("identity");
  });

  test("nothing is known of a member whose disk a plan made unreadable", () => {
    const violation = after((cluster) => {
      cluster.slots[1]!.end();
      cluster.slots[1]!.start();
      cluster.disk(1).tampered += 1;
      cluster.disk(1).unreadable = true;
      cluster.look(1);
    });
    expect(violation).toBeUndefined();
  });

  test("identity: a member is at work and nothing of it is durable (B9)", () => {
    const violation = after((cluster) => {
      cluster.slots[1]!.end();
      cluster.disk(1).tampered += 1;
      cluster.disk(1).unreadable = true;
      cluster.checks.full(cluster);
      cluster.slots[1]!.start();
      cluster.look(1);
    });
    expect(violation).toBe("identity");
  });

  test("ids-are-new: two disks say that they are one member (A7, A14)", () => {
    const cluster = new FakeCluster(2);
    const [a, b] = cluster.slots;
    b!.disk.identity = { ...a!.disk.identity };
    cluster.slots[0]!.start();
    cluster.look(0);
    Object.assign(b!, { id: a!.id });
    b!.start();
    cluster.look(1);
    expect(cluster.violation).toBe("ids-are-new");
  });

  test("ids-are-new: a disk goes back to an id that it had, but not by hand (A7)", () => {
    const goBack = (cluster: FakeCluster): void => {
      const { disk } = cluster.slots[1]!;
      disk.tell({ memberId: 21n, incarnation: 1n });
      expect(cluster.violation).toBeUndefined();
      disk.tell({ memberId: 20n, incarnation: 2n });
    };
    expect(after(goBack)).toBe("ids-are-new");
  });

  test("commit-covers-applied: what a store holds when its member begins is committed", () => {
    const violation = after((cluster) => {
      cluster.slots[1]!.end();
      cluster.look(1);
      const member = cluster.slots[1]!.start();
      member.log.committed = 1n;
      member.machine.appliedIndex = 2n;
      cluster.look(1);
    });
    expect(violation).toBe("commit-covers-applied");
  });

  test("incarnation-grows: a start that did not count", () => {
    const violation = after((cluster) => {
      cluster.slots[1]!.end();
      cluster.look(1);
      cluster.slots[1]!.startUncounted();
      cluster.look(1);
    });
    expect(violation).toBe("incarnation-grows");
  });

  test("blank-never-votes: a member that knows its removal is at work", () => {
    const violation = after((cluster) => {
      cluster.disk(1).tell({ removedIndex: 2n });
      cluster.slots[1]!.end();
      cluster.slots[1]!.start();
      cluster.look(1);
    });
    expect(violation).toBe("blank-never-votes");
  });
});

describe("log-covers-store: a disk at rest", () => {
  const compacted = (cluster: FakeCluster): void => {
    cluster.disk(1).log.compactTo(2n);
    cluster.disk(1).tell();
    cluster.slots[1]!.end();
  };

  test("whose log begins after what its store holds", () => {
    const violation = after((cluster) => {
      cluster.disk(1).applied = 1n;
      compacted(cluster);
      cluster.checks.full(cluster);
    });
    expect(violation).toBe("log-covers-store");
  });

  test("may have no store at all when that is known to be lost", () => {
    const violation = after((cluster) => {
      compacted(cluster);
      cluster.disk(1).lost = true;
      cluster.checks.full(cluster);
    });
    expect(violation).toBeUndefined();
  });
});

describe("what is counted", () => {
  test("a store that was lost and came from a peer", () => {
    const cluster = FakeCluster.founded(3);
    cluster.settle(0);
    cluster.disk(1).log.compactTo(2n);
    cluster.disk(1).tell();
    cluster.slots[1]!.end();
    const { disk } = cluster.slots[1]!;
    disk.lost = true;
    disk.tampered += 1;
    const { life } = cluster.slots[2]!;
    Object.assign(cluster.slots[1]!, { life: { ...life, isOver: false }, replica: {} });
    cluster.look(1);
    disk.lost = false;
    disk.applied = 2n;
    const member = cluster.slots[1]!.start();
    const { store, appliedIndex } = cluster.member(0).machine;
    Object.assign(member.machine, { store: { ...store }, appliedIndex });
    member.log.committed = appliedIndex;
    member.baseConfiguration = 1n;
    cluster.look(1);
    expect(cluster.world.violation).toBeUndefined();
    expect(cluster.world.coverage.get("store.recovered-from-peer")).toBe(1);
  });

  test("a log that a start discards, since the store is ahead of it", () => {
    const cluster = FakeCluster.founded(3);
    cluster.settle(0);
    cluster.write(0, "a");
    const { disk } = cluster.slots[1]!;
    cluster.slots[1]!.end();
    cluster.look(1);
    const log = disk.log.copy();
    log.truncateFrom(3n);
    log.resetTo(3n, 2n);
    disk.applied = 3n;
    disk.log.truncateFrom(2n);
    disk.tampered += 1;
    disk.tell();
    disk.log = log;
    disk.tell();
    expect(cluster.world.violation).toBeUndefined();
    expect(cluster.world.coverage.get("log.discarded-at-start")).toBe(1);
  });

  test("while a disk cannot be read its member is taken at its word", () => {
    const violation = after((cluster) => {
      cluster.disk(1).unreadable = true;
      cluster.disk(1).tampered += 1;
      cluster.append(0, "a");
      cluster.replicate(0, 1);
      cluster.persist(0, 1);
      cluster.commit(0, 3n);
      cluster.checks.full(cluster, true);
    });
    expect(violation).toBeUndefined();
  });
});

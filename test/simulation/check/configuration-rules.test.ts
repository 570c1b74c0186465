import type { Configuration } from "@rstore/replica/raft/types";
import { describe, expect, test } from "vitest";
import { configurationOf, FakeCluster } from "./fake-cluster.ts";

const founders = configurationOf([10n, 20n, 30n]);
const withLearner = configurationOf([10n, 20n, 30n], { learners: [40n] });

/** What the checks say when r0, the leader of three voters and a learner, appends these one by one. */
function appended(...configurations: readonly Configuration[]): string | undefined {
  const cluster = FakeCluster.founded(4, withLearner);
  cluster.settle(0);
  expect(cluster.violation).toBeUndefined();
  for (const configuration of configurations) cluster.write(0, configuration);
  return cluster.violation;
}

describe("configuration-rules (Raft §6)", () => {
  test("voters change through a joint configuration that is left", () => {
    const joint = configurationOf([10n, 20n, 40n], { outgoing: [10n, 20n, 30n], learnersNext: [30n] });
    const after = configurationOf([10n, 20n, 40n], { learners: [30n] });
    expect(appended(joint, after, after)).toBeUndefined();
  });

  test("learners come and go at once", () => {
    expect(appended(founders)).toBeUndefined();
  });

  test.each([
    ["voters change without a joint one", [configurationOf([10n, 20n])]],
    ["the outgoing half is another", [configurationOf([10n, 20n, 40n], { outgoing: [10n, 20n] })]],
    [
      "a joint one follows a joint one (A2)",
      [
        configurationOf([10n, 20n], { outgoing: [10n, 20n, 30n] }),
        configurationOf([10n], { outgoing: [10n, 20n] }),
      ],
    ],
    [
      "leaving changes the voters",
      [configurationOf([10n, 20n], { outgoing: [10n, 20n, 30n] }), configurationOf([10n])],
    ],
    [
      "leaving loses a learner",
      [
        configurationOf([10n, 20n], { outgoing: [10n, 20n, 30n], learnersNext: [30n] }),
        configurationOf([10n, 20n]),
      ],
    ],
  ])("%s", (_, configurations) => {
    expect(appended(...configurations)).toBe("configuration-rules");
  });
});

describe("promotion (A6)", () => {
  test("of somebody who was no learner", () => {
    expect(appended(configurationOf([10n, 20n, 50n], { outgoing: [10n, 20n, 30n] }))).toBe("promotion");
  });

  test("of a learner that lacks more entries than it may", () => {
    const promote = (lag: number): string | undefined => {
      const cluster = FakeCluster.founded(4, withLearner, { promoteMaxLagEntries: 2 });
      cluster.settle(0);
      cluster.slots[3]!.end();
      for (let i = 0; i < lag; i++) cluster.write(0, `${i}`);
      cluster.append(0, configurationOf([10n, 20n, 30n, 40n], { outgoing: [10n, 20n, 30n] }));
      return cluster.violation;
    };
    expect(promote(2)).toBeUndefined();
    expect(promote(3)).toBe("promotion");
  });
});

describe("one-change-at-a-time", () => {
  const joint = configurationOf([10n, 20n], { outgoing: [10n, 20n, 30n] });

  test("a change while the last is not committed (A2)", () => {
    const cluster = FakeCluster.founded(3);
    cluster.settle(0);
    cluster.append(0, joint);
    cluster.append(0, configurationOf([10n, 20n]));
    expect(cluster.violation).toBe("one-change-at-a-time");
  });

  test("a change before an entry of the term is committed (A1)", () => {
    const cluster = FakeCluster.founded(3);
    cluster.settle(0);
    cluster.elect(1, 3n);
    cluster.append(1, joint);
    expect(cluster.violation).toBe("one-change-at-a-time");
  });
});

test("removed-stays-removed: a member that was removed comes back (A7)", () => {
  const violation = appended(
    configurationOf([10n, 20n], { outgoing: [10n, 20n, 30n] }),
    configurationOf([10n, 20n]),
    configurationOf([10n, 20n], { learners: [30n] }),
  );
  expect(violation).toBe("removed-stays-removed");
});

test("removed-stays-removed: not of a leader that was replaced before the removal, and can't know of it", () => {
  const cluster = FakeCluster.founded(4, withLearner);
  cluster.settle(0);
  const others = [1, 2, 3];
  for (const slot of others) {
    Object.assign(cluster.member(slot), { term: 3n, role: slot === 1 ? "candidate" : "follower" });
    cluster.disk(slot).tell({ term: 3n, vote: 20n });
    cluster.look(slot);
  }
  cluster.member(1).role = "leader";
  for (const data of ["", founders]) {
    cluster.append(1, data);
    cluster.replicate(1, 2, 3);
    cluster.persist(...others);
    cluster.commit(1, cluster.member(1).log.lastIndex);
  }
  expect(cluster.violation).toBeUndefined();
  cluster.append(0, configurationOf([10n, 20n, 40n], { outgoing: [10n, 20n, 30n], learnersNext: [30n] }));
  expect(cluster.violation).toBeUndefined();
});

test("configuration-in-force: a truncated configuration is still used", () => {
  const cluster = FakeCluster.founded(3);
  cluster.settle(0);
  cluster.append(0, configurationOf([10n, 20n], { outgoing: [10n, 20n, 30n] }));
  cluster.elect(1, 3n);
  cluster.member(0).configurationIndex = 3n;
  cluster.replicate(1, 0);
  expect(cluster.violation).toBe("configuration-in-force");
  expect(cluster.world.coverage.get("membership.rolled-back")).toBe(1);
});

describe("commit-durable: in a joint configuration", () => {
  test("a majority of one half is not enough (A18)", () => {
    const cluster = FakeCluster.founded(4, withLearner);
    cluster.settle(0);
    cluster.append(0, configurationOf([10n, 40n], { outgoing: [10n, 20n, 30n] }));
    cluster.replicate(0, 3);
    cluster.persist(0, 3);
    cluster.commit(0, 3n);
    expect(cluster.violation).toBe("commit-durable");
  });

  test("it is committed by itself even where the next follows in the same step", () => {
    const cluster = FakeCluster.founded(4, withLearner);
    cluster.settle(0);
    const joint = configurationOf([10n, 40n], { outgoing: [10n, 20n, 30n] });
    cluster.append(0, joint);
    cluster.replicate(0, 3);
    cluster.persist(0, 3);
    const { log, term } = cluster.member(0);
    log.committed = 3n;
    log.append(term, configurationOf([10n, 40n]));
    cluster.look(0);
    expect(cluster.violation).toBe("commit-durable");
  });

  test("what was committed under the old one counts when the new one is appended in the same step", () => {
    const cluster = FakeCluster.founded(4, withLearner);
    cluster.settle(0);
    cluster.append(0, "a");
    cluster.replicate(0, 1);
    cluster.persist(0, 1);
    const { log, term } = cluster.member(0);
    log.committed = 3n;
    log.append(term, configurationOf([10n, 40n], { outgoing: [10n, 20n, 30n] }));
    cluster.look(0);
    expect(cluster.world.violation).toBeUndefined();
  });
});

test("changes of membership are counted where they happen", () => {
  const cluster = FakeCluster.founded(4, withLearner);
  cluster.settle(0);
  const joint = configurationOf([20n, 30n, 40n], { outgoing: [10n, 20n, 30n] });
  cluster.write(0, joint);
  cluster.write(0, configurationOf([20n, 30n, 40n]));
  const { coverage } = cluster.world;
  expect(cluster.world.violation).toBeUndefined();
  expect(coverage.get("membership.joint-entered")).toBe(1);
  expect(coverage.get("membership.joint-left")).toBe(1);
  expect(coverage.get("membership.learner-promoted")).toBe(1);
  expect(coverage.get("membership.several-at-once")).toBe(1);
  expect(coverage.get("membership.leader-removed")).toBe(1);
});

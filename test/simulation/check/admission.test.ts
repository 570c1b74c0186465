import type { PeerHello } from "@rstore/replica/transport/types";
import { expect, test } from "vitest";
import { configurationOf, FakeCluster } from "./fake-cluster.ts";

/** r1 (member 20) calls r0 (member 10), which leads. */
const hello = { from: 20n, to: 10n, incarnation: 3n } as PeerHello;

function admitted(change: Partial<PeerHello> = {}, later?: bigint): string | undefined {
  const cluster = FakeCluster.founded(3);
  cluster.checks.admitted(0, { ...hello, ...change }, later);
  return cluster.violation;
}

test("admission: who calls this very member may speak (A14)", () => {
  expect(admitted()).toBeUndefined();
  expect(admitted({ to: 30n })).toBe("admission");
});

test("admission: nobody who has started later before (B2)", () => {
  expect(admitted({}, 4n)).toBe("admission");
});

/** Member 30 was removed, and only r0 has applied it. */
function removed(): FakeCluster {
  const cluster = FakeCluster.founded(3);
  cluster.settle(0);
  cluster.write(0, configurationOf([10n, 20n], { outgoing: [10n, 20n, 30n] }));
  cluster.append(0, configurationOf([10n, 20n]));
  cluster.replicate(0, 1);
  cluster.persist(0, 1);
  cluster.commit(0, cluster.member(0).log.lastIndex);
  return cluster;
}

test("admission: nobody whose removal was applied (A4)", () => {
  const cluster = removed();
  const gone = { ...hello, from: 30n };
  cluster.checks.admitted(0, gone, undefined);
  expect(cluster.violation).toBeUndefined();
  cluster.apply(0);
  cluster.checks.admitted(0, gone, undefined);
  expect(cluster.violation).toBe("admission");
});

test("removed-stays-quiet: whoever has applied its own removal ends soon (A4)", () => {
  const cluster = removed();
  cluster.replicate(0, 2);
  cluster.persist(2);
  cluster.commit(2, cluster.member(0).log.lastIndex);
  cluster.apply(2);
  const { world, checks } = cluster;
  const pass = (ms: number): void => {
    checks.full(undefined);
    world.at(ms * 1000, () => {});
    world.step(Number.MAX_SAFE_INTEGER);
    checks.full(undefined);
  };
  pass(400);
  expect(cluster.violation).toBeUndefined();
  pass(400);
  expect(cluster.violation).toBe("removed-stays-quiet");
});

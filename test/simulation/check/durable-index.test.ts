import { expect, test } from "vitest";
import { after } from "./fake-cluster.ts";

test("durable-index: a member takes nothing for durable that its disk has not (B4)", () => {
  expect(
    after((cluster) => {
      cluster.append(0, "a");
      cluster.member(0).log.durableIndex = cluster.member(0).log.lastIndex;
      cluster.look(0);
    }),
  ).toBe("durable-index");
  expect(
    after((cluster) => {
      cluster.append(0, "a");
      cluster.persist(0);
    }),
  ).toBeUndefined();
});

test("durable-index: an entry that took the place of a durable one is not durable for that", () => {
  expect(
    after((cluster) => {
      cluster.append(0, "a");
      cluster.persist(0);
      cluster.elect(1, 3n);
      cluster.append(1, "b");
      const { durableIndex } = cluster.member(0).log;
      cluster.replicate(1, 0);
      expect(cluster.violation).toBeUndefined();
      cluster.member(0).log.durableIndex = durableIndex;
      cluster.look(0);
    }),
  ).toBe("durable-index");
});

test("durable-index: where a snapshot is being installed, its end is where the log begins", () => {
  expect(
    after((cluster) => {
      for (let i = 0; i < 5; i += 1) cluster.append(0, `${i}`);
      cluster.persist(0, 1);
      const { lastIndex, lastTerm } = cluster.member(0).log;
      const { log } = cluster.member(2);
      cluster.member(2).baseConfiguration = 1n;
      log.resetTo(lastIndex, lastTerm);
      cluster.look(2);
    }),
  ).toBeUndefined();
});

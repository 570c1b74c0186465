import { expect, test } from "vitest";
import type { Slot } from "../cluster/types.ts";
import { installFaults } from "./apply-install.ts";
import type { FaultContext } from "./fault-context.ts";

/** What befalls a member whose core has a log from here on, and its disk one that ends there. */
function struck(firstIndex: bigint, durableLastIndex: bigint): string[] {
  const watchers = new Set<(touched: Slot) => void>();
  const done: string[] = [];
  const slot = {
    name: "r1",
    member: { node: { log: { firstIndex } } },
    disk: { durableLog: () => ({ lastIndex: durableLastIndex }) },
    crash: () => done.push("crash"),
  } as unknown as Slot;
  const hold = (what: string) => ({ take: () => done.push(what), letGo() {} });
  const context = {
    cluster: { watchers, slots: [slot], leaders: () => [] },
    down: hold("down"),
    frozen: hold("frozen"),
    say() {},
    later() {},
  } as unknown as FaultContext;
  for (const how of ["crash", "freeze"] as const) {
    installFaults["strike-install"](context, { kind: "strike-install", how, forMs: 10 });
    for (const watch of [...watchers]) watch(slot);
    watchers.clear();
  }
  return done;
}

test("a member is struck while its disk has not got the snapshot that its core has (A15)", () => {
  expect(struck(41n, 30n)).toEqual(["down", "crash", "frozen"]);
});

test("a member whose log begins where its disk says, or was compacted, is left alone", () => {
  expect(struck(1n, 0n)).toEqual([]);
  expect(struck(41n, 40n)).toEqual([]);
  expect(struck(41n, 60n)).toEqual([]);
});

import { expect, test } from "vitest";
import type { Slot } from "../cluster/types.ts";
import type { DurableLogState } from "../disk/types.ts";
import { Coverage } from "../world/coverage.ts";
import { World } from "../world/world.ts";
import { diskFaults } from "./apply-disk.ts";
import type { FaultContext } from "./fault-context.ts";

/** A replica starts after its disk, which said this, has lost its log. */
function startsWithoutLog(said: Partial<DurableLogState>): string | undefined {
  const world = new World({ seed: 1, coverage: new Coverage(), transcript: undefined });
  const watchers = new Set<(touched: Slot) => void>();
  const slot = {
    name: "r0",
    replica: undefined as object | undefined,
    disk: { tampered: 0, durableLog: () => ({ memberId: 1n, ...said }), loseLog: () => {} },
    crash() {},
  };
  const context = {
    cluster: { world, watchers, slots: [slot] },
    down: { take() {}, letGo() {} },
    losses: { refusal: () => undefined, add() {} },
    later() {},
  } as unknown as FaultContext;
  diskFaults["lose-log"](context, { kind: "lose-log", slot: 0, downMs: 1 });
  slot.replica = {};
  for (const watch of watchers) watch(slot as unknown as Slot);
  return world.violation?.property;
}

test("lost-log-refused: a disk of a cluster whose log is gone is not taken for a blank one (B1, B10)", () => {
  expect(startsWithoutLog({ clusterId: 7n })).toBe("lost-log-refused");
});

test("lost-log-refused: in its first start, and while a removed member is reset, it may be", () => {
  expect(startsWithoutLog({})).toBeUndefined();
  expect(startsWithoutLog({ clusterId: 7n, removedIndex: 9n })).toBeUndefined();
});

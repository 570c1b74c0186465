import { expect, test } from "vitest";
import { Coverage } from "../world/coverage.ts";
import { World } from "../world/world.ts";
import { Ledgers } from "./ledgers.ts";
import { ReadIndexWatch } from "./read-index-watch.ts";

/** A member that asked when 7 was committed, and is told this index for a request. */
function told(requestId: bigint, index: bigint): string | undefined {
  const world = new World({ seed: 1, coverage: new Coverage(), transcript: undefined });
  const ledgers = new Ledgers(world);
  const node = {
    readIndex: (_: bigint) => {},
    ready: () => ({ readStates: [{ requestId, index }], readFailures: [] }),
  };
  let committed = 7;
  Object.defineProperty(ledgers.commits, "index", { get: () => committed });
  new ReadIndexWatch(ledgers, { name: "r0", member: { node } }).observe();
  node.readIndex(1n);
  committed = 9;
  node.readIndex(2n);
  node.ready();
  return world.violation?.property;
}

test("read-index: not below what was committed when it was asked for (A10, A11)", () => {
  expect(told(1n, 6n)).toBe("read-index");
  expect(told(1n, 7n)).toBeUndefined();
  expect(told(2n, 7n)).toBe("read-index");
  expect(told(2n, 9n)).toBeUndefined();
});

import { expect, it } from "vitest";
import { nodeOfAll } from "./node-of-all.ts";

it("chooses a node with one member of each store, also when it is not the first", () => {
  const stores = [
    ["a", "b", "c"],
    ["a", "c", undefined],
  ];
  expect(nodeOfAll(["b", "c"], stores)).toBe("c");
  expect(nodeOfAll(["a", "b", "c"], stores)).toBe("a");
});

it("says what is where when there is none", () => {
  const stores = [
    ["a", "b", "b"],
    ["a", "c", "a"],
  ];
  expect(() => nodeOfAll(["b", "c"], stores)).toThrow(
    "no node carries one member of each store; there are of each (b: 2, 0; c: 0, 1)",
  );
});

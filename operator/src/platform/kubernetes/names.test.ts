import { describe, expect, it } from "vitest";
import { names, slotOf, slotOfClaim } from "./names.ts";

describe("the slot in a name", () => {
  it.each(["x", "data", "data-x", "data-data-x", "x-0", "data-0"])("of a store named %s", (name) => {
    for (const slot of [0, 1, 10]) {
      expect(slotOf({ name }, names.pod({ name }, slot))).toBe(slot);
      expect(slotOfClaim({ name }, names.claim({ name }, slot))).toBe(slot);
    }
  });

  it.each([
    ["x", "data-x-0"],
    ["x", "x-0-0"],
    ["x-0", "x-0"],
    ["data-x", "x-0"],
    ["data-x", "data-data-x-0"],
    ["x", "x-00"],
    ["x", "x-"],
    ["x", "x-1a"],
    ["x", "x-10000"],
  ])("is none of store %s in the pod name %s (E5)", (name, pod) => {
    expect(slotOf({ name }, pod)).toBeUndefined();
  });

  it.each([
    ["x", "x-0"],
    ["x", "data-data-x-0"],
    ["x", "data-x-0-0"],
    ["data-x", "data-x-0"],
    ["data", "data-0"],
  ])("is none of store %s in the claim name %s (E5)", (name, claim) => {
    expect(slotOfClaim({ name }, claim)).toBeUndefined();
  });
});

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { applyMutation } from "./apply-mutation.ts";
import { museum } from "./museum.ts";
import { sourceOf } from "./mutation.ts";

describe("the bug museum", () => {
  it.each(museum)("$name fits the source", (mutation) => {
    const source = readFileSync(sourceOf(mutation), "utf8");
    expect(applyMutation(mutation, source)).not.toBe(source);
  });

  it("have names of their own", () => {
    expect(new Set(museum.map(({ name }) => name)).size).toBe(museum.length);
  });

  it("are refused where they do not fit exactly once", () => {
    const mutation = { name: "x", faults: [], file: "a.ts", search: "guard();", replace: "" };
    expect(applyMutation(mutation, "a(); guard(); b();")).toBe("a();  b();");
    expect(() => applyMutation(mutation, "a();")).toThrow("occurs 0 times");
    expect(() => applyMutation(mutation, "guard(); guard();")).toThrow("occurs 2 times");
  });
});

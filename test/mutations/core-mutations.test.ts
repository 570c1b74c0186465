import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { applyMutation } from "./apply-mutation.ts";
import { coreMutations } from "./core-mutations.ts";

const raft = new URL("../../replica/src/raft/", import.meta.url);

describe("the mutations of the consensus core", () => {
  it.each(coreMutations)("$name fits the source", (mutation) => {
    const source = readFileSync(new URL(mutation.file, raft), "utf8");
    expect(applyMutation(mutation, source)).not.toBe(source);
  });

  it("have names of their own", () => {
    expect(new Set(coreMutations.map(({ name }) => name)).size).toBe(coreMutations.length);
  });

  it("are refused where they do not fit exactly once", () => {
    const mutation = { name: "x", source: "", file: "a.ts", search: "guard();", replace: "" };
    expect(applyMutation(mutation, "a(); guard(); b();")).toBe("a();  b();");
    expect(() => applyMutation(mutation, "a();")).toThrow("occurs 0 times");
    expect(() => applyMutation(mutation, "guard(); guard();")).toThrow("occurs 2 times");
  });
});

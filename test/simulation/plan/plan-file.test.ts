import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { drawPlan } from "./draw-plan.ts";
import { formatPlan, readPlan } from "./plan-file.ts";

const folder = mkdtempSync(join(tmpdir(), "rstore-plan-"));

function write(text: string): string {
  const path = join(folder, "plan.json");
  writeFileSync(path, text);
  return path;
}

test("a plan in a file is the plan", () => {
  for (let seed = 1; seed <= 50; seed += 1) {
    const plan = drawPlan(seed);
    // An unlimited link is told by leaving its limit out.
    expect(readPlan(write(formatPlan(plan)))).toEqual(JSON.parse(JSON.stringify(plan)));
  }
});

test("a file that is no plan is refused, with what is wrong", () => {
  const { seed, shape } = drawPlan(1);
  expect(() => readPlan(join(folder, "missing.json"))).toThrow("cannot be read");
  expect(() => readPlan(write("{"))).toThrow("cannot be read");
  expect(() => readPlan(write("null"))).toThrow("expected an object");
  expect(() => readPlan(write(JSON.stringify({ seed, shape })))).toThrow("`faults` must be a list");
  const unknown = { seed, shape, faults: [{ atMs: 1, fault: { kind: "flood" } }] };
  expect(() => readPlan(write(JSON.stringify(unknown)))).toThrow("flood");
});

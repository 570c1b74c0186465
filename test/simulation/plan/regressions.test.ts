import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { readPlan } from "./plan-file.ts";

const folder = fileURLToPath(new URL("../regressions/", import.meta.url));
const plans = readdirSync(folder).filter((name) => name.endsWith(".json"));
const lines = readFileSync(`${folder}index.txt`, "utf8")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"));

test("every plan that once failed has a line that says what it found, and every line its plan", () => {
  expect(lines.map((line) => line.split(/\s+/)[0]).sort()).toEqual(plans.sort());
  for (const line of lines) expect(line).toMatch(/^\S+\.json\s+[a-z-]+\s+\S+ .+\.$/);
});

test("every plan that once failed can still be read", () => {
  for (const name of plans) expect(readPlan(folder + name).faults.length).toBeGreaterThanOrEqual(0);
});

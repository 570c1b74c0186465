import { expect, test } from "vitest";
import type { Exhibit } from "./exhibit.ts";
import { exhibitTable, museumSection, withSection } from "./exhibit-table.ts";
import { catalogue, faultCoverage, notApplicable } from "./fault-coverage.ts";
import { museum } from "./museum.ts";
import type { Mutation } from "./mutation.ts";

const mutation: Mutation = { name: "x", faults: ["A1", "B4"], file: "raft/x.ts", search: "a", replace: "" };
const caught = { property: "log-matching", message: "", seed: 9, seeds: 3, seconds: 1.26 };
const exhibits: readonly Exhibit[] = [
  { mutation, caught },
  { mutation: { ...mutation, name: "y", faults: [] }, caught: { ...caught, property: undefined } },
];

test("a row says what was caught, by which property, and what it took", () => {
  expect(exhibitTable(exhibits).split("\n").slice(2)).toEqual([
    "| x | A1, B4 | raft/x.ts | log-matching | 3 | 1.3 |",
    "| y |  | raft/x.ts | **not caught** | 3 | 1.3 |",
  ]);
});

test("what no simulation sees is listed with its reason", () => {
  const section = museumSection(exhibits, [{ ...mutation, name: "z", outsideOfSimulation: "redundant" }]);
  expect(section).toContain("1 of 2 mutations were caught.");
  expect(section).toContain("| z | A1, B4 | raft/x.ts | redundant |");
});

test("the section takes the place of the old one, and nothing else changes", () => {
  const document = "before\n<!-- museum:begin -->\nold\n<!-- museum:end -->\nafter\n";
  const written = withSection(document, "new");
  expect(written).toBe("before\n<!-- museum:begin -->\n\nnew\n\n<!-- museum:end -->\nafter\n");
  expect(withSection(written, "new")).toBe(written);
  expect(() => withSection("no marks", "new")).toThrow("lacks");
});

test("A1 to A20 and B1 to B15 each have a mutation, or a reason why none applies", () => {
  const covered = new Map(faultCoverage(museum));
  const missing = catalogue.filter((id) => covered.get(id)!.includes("**missing**"));
  expect(missing).toEqual([]);
  const needless = catalogue.filter((id) => id in notApplicable && !covered.get(id)!.startsWith("none: "));
  expect(needless).toEqual([]);
});

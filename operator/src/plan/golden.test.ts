import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Document, parseAllDocuments } from "yaml";
import { statusFrom } from "../status/status.ts";
import { plan } from "./plan.ts";
import { describeStep } from "./testing/describe-step.ts";
import { inputFromScenario, type Scenario } from "./testing/scenario.ts";

/**
 * testdata/*.yaml are golden: a state (`given`, see testing/scenario.ts), and what is planned for it.
 * UPDATE_PLANS=1 writes what is planned now; review the difference.
 */
const folder = join(import.meta.dirname, "testdata");
const isUpdate = process.env.UPDATE_PLANS === "1";

for (const name of readdirSync(folder).sort()) {
  const path = join(folder, name);
  const documents = parseGolden(readFileSync(path, "utf8"));
  const cases = documents.map((document) => {
    const { title, given, ...golden } = document.toJS() as { title: string; given: Scenario };
    const actual = planned(given);
    for (const [key, value] of Object.entries(actual)) document.set(key, document.createNode(value));
    return { title, golden, actual };
  });
  if (isUpdate) writeFileSync(path, printGolden(documents));
  describe(`plan ${name}`, () => {
    it.each(cases)("$title", ({ golden, actual }) => {
      if (!isUpdate) expect(actual).toEqual(golden);
    });
  });
}

function planned(given: Scenario): { steps: string[]; conditions: Record<string, string> } {
  const input = frozen(inputFromScenario(given));
  const result = plan(input);
  // The same for the same observation, however the lists are sorted.
  expect(plan({ ...input, slots: input.slots.toReversed() })).toEqual(result);
  const { conditions = [] } = statusFrom(input, result, input.status);
  return {
    steps: result.steps.filter(({ kind }) => kind !== "event").map(describeStep),
    conditions: Object.fromEntries(
      conditions.map(({ type, status, reason, message }) => [type, `${status} ${reason}: ${message}`]),
    ),
  };
}

/** Whoever writes to what was observed fails. */
function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  for (const part of Object.values(value)) frozen(part);
  return Object.freeze(value);
}

/** Several documents in one file; remarks stay where they are. */
function parseGolden(text: string): Document[] {
  const documents = parseAllDocuments(text);
  if (!Array.isArray(documents)) return [];
  for (const { errors } of documents) if (errors[0] !== undefined) throw errors[0];
  return documents;
}

function printGolden(documents: readonly Document[]): string {
  return documents
    .map((document) => document.toString({ lineWidth: 0, flowCollectionPadding: true }))
    .join("");
}

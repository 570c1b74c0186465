import { readFileSync } from "node:fs";
import { operatorFaultDrawers } from "../operator/draw-operator-faults.ts";
import { faultDrawers } from "./fault-drawers.ts";
import type { Plan } from "./types.ts";

/** As a file: one line for each fault, so that plans can be read and compared. */
export function formatPlan({ seed, shape, faults }: Plan): string {
  const lines = faults.map((planned) => `    ${JSON.stringify(planned)}`);
  const list = lines.length === 0 ? "[]" : `[\n${lines.join(",\n")}\n  ]`;
  const shapeText = JSON.stringify(shape, undefined, 2).replaceAll("\n", "\n  ");
  return `{\n  "seed": ${seed},\n  "shape": ${shapeText},\n  "faults": ${list}\n}\n`;
}

/** Throws an Error that says what is wrong with the file. */
export function readPlan(path: string): Plan {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new Error(`${path} cannot be read as a plan: ${(error as Error).message}`);
  }
  const plan = parsed as Partial<Plan> | null;
  const problem = problemOf(plan);
  if (problem !== undefined) throw new Error(`${path} is no plan: ${problem}`);
  return plan as Plan;
}

function problemOf(plan: Partial<Plan> | null): string | undefined {
  if (typeof plan !== "object" || plan === null) return "expected an object";
  if (!Number.isSafeInteger(plan.seed)) return "`seed` must be a whole number";
  const { shape, faults } = plan;
  if (typeof shape?.members !== "number" || typeof shape.slots !== "number") return "`shape` is missing";
  if (!Array.isArray(faults)) return "`faults` must be a list";
  const unknown = faults.find(
    ({ atMs, fault }) =>
      typeof atMs !== "number" || !(fault?.kind in { ...faultDrawers, ...operatorFaultDrawers }),
  );
  return unknown === undefined ? undefined : `it has no fault ${JSON.stringify(unknown)}`;
}

import { drawOperatorFaults } from "../operator/draw-operator-faults.ts";
import { drawFaults } from "./draw-faults.ts";
import { drawShape } from "./draw-shape.ts";
import type { DrawOptions, Plan } from "./types.ts";

/** The whole of a run that can be known before it. The same seed and options give the same plan. */
export function drawPlan(seed: number, options: DrawOptions = {}): Plan {
  const drawn = drawShape(seed, options);
  const { shape } = drawn;
  const faults = drawFaults(seed, drawn, options);
  if (shape.operator === undefined) return { seed, shape, faults };
  const all = [...faults, ...drawOperatorFaults(seed, shape, options)];
  return { seed, shape, faults: all.sort((a, b) => a.atMs - b.atMs) };
}

import { drawFaults } from "./draw-faults.ts";
import { drawShape } from "./draw-shape.ts";
import type { Plan } from "./types.ts";

/** The whole of a run that can be known before it. The same seed gives the same plan. */
export function drawPlan(seed: number): Plan {
  const { shape, theme } = drawShape(seed);
  return { seed, shape, faults: drawFaults(seed, shape, theme) };
}

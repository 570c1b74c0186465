import { drawFaults } from "./draw-faults.ts";
import { drawShape } from "./draw-shape.ts";
import type { DrawOptions, Plan } from "./types.ts";

/** The whole of a run that can be known before it. The same seed and options give the same plan. */
export function drawPlan(seed: number, options: DrawOptions = {}): Plan {
  const drawn = drawShape(seed, options);
  return { seed, shape: drawn.shape, faults: drawFaults(seed, drawn, options) };
}

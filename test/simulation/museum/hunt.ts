/**
 * Runs seeds until a property is violated, and says which; begun by the museum with a guard removed.
 *
 *   node --import ./mutated-source.ts hunt.ts <first seed> <most seeds> <most seconds>
 */
import { drawPlan } from "../plan/draw-plan.ts";
import { runPlan } from "../run.ts";
import { fromEventLoop } from "../world/microtasks.ts";

/** One line on standard output. */
export interface Catch {
  /** undefined: nothing was violated. */
  readonly property: string | undefined;
  readonly message: string;
  readonly seed: number;
  readonly seeds: number;
  readonly seconds: number;
}

async function hunt(first: number, mostSeeds: number, mostSeconds: number): Promise<Catch> {
  const startMs = performance.now();
  const seconds = () => (performance.now() - startMs) / 1000;
  let seed = first;
  for (; seed < first + mostSeeds && seconds() < mostSeconds; seed += 1) {
    const plan = drawPlan(seed);
    const { violation } = await fromEventLoop(() => runPlan(plan, { transcript: undefined }));
    if (violation === undefined) continue;
    const { property, message } = violation;
    return { property, message, seed, seeds: seed - first + 1, seconds: seconds() };
  }
  return { property: undefined, message: "", seed: seed - 1, seeds: seed - first, seconds: seconds() };
}

const [first, mostSeeds, mostSeconds] = process.argv.slice(2).map(Number);
console.log(JSON.stringify(await hunt(first!, mostSeeds!, mostSeconds!)));
process.exit(0);

/**
 * Runs seeds until a property is violated, and says which; begun by the museum with a guard removed.
 *
 *   node --import ./mutated-source.ts hunt.ts <HuntRequest as JSON>
 */
import { drawPlan } from "../plan/draw-plan.ts";
import type { Theme } from "../plan/themes.ts";
import { runPlan } from "../run.ts";
import { fromEventLoop } from "../world/microtasks.ts";
import type { Violation } from "../world/world.ts";

export interface HuntRequest {
  readonly seeds: readonly number[];
  /** Of processor time, so that others on the machine don't matter. */
  readonly seconds: number;
  readonly themes: readonly Theme[];
  readonly isSafetyOnly: boolean;
}

/** One line on standard output. */
export interface Catch {
  /** undefined: nothing was violated. */
  readonly property: string | undefined;
  readonly message: string;
  /** The last one. */
  readonly seed: number;
  /** How many were run. */
  readonly seeds: number;
  /** Of processor time. */
  readonly seconds: number;
}

const request = JSON.parse(process.argv[2]!) as HuntRequest;
console.log(JSON.stringify(await hunt(request)));
process.exit(0);

async function hunt({ seeds, seconds, themes, isSafetyOnly }: HuntRequest): Promise<Catch> {
  let count = 0;
  let last = 0;
  for (const seed of seeds) {
    if (secondsSpent() >= seconds) break;
    last = seed;
    count += 1;
    const violation = await run(seed, themes[seed % themes.length], isSafetyOnly);
    if (violation === undefined) continue;
    const { property, message } = violation;
    return { property, message, seed, seeds: count, seconds: secondsSpent() };
  }
  return { property: undefined, message: "", seed: last, seeds: count, seconds: secondsSpent() };
}

async function run(
  seed: number,
  theme: Theme | undefined,
  isSafetyOnly: boolean,
): Promise<Violation | undefined> {
  const plan = drawPlan(seed, { theme, isShort: true });
  const options = { transcript: undefined, isSafetyOnly, isBrief: true };
  const { violation } = await fromEventLoop(() => runPlan(plan, options));
  return violation;
}

function secondsSpent(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

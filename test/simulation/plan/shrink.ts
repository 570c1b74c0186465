import { simplifications } from "./simplifications.ts";
import type { Plan, PlannedFault } from "./types.ts";

export interface ShrinkOptions {
  /** Does this plan still violate the property? */
  readonly stillFails: (plan: Plan) => Promise<boolean>;
  /** In milliseconds of any clock; no candidate is tried after `deadlineMs` of it. */
  readonly nowMs: () => number;
  readonly deadlineMs: number;
  /** After each candidate. */
  readonly progress?: (best: Plan, tried: number) => void;
}

/**
 * A smaller plan that still fails: fewer faults by delta debugging (Zeller and Hildebrandt, ddmin), then a
 * simpler shape, until nothing can be taken away or time is up. The answer was run and failed, unless nothing
 * smaller did: then it is the plan given.
 */
export async function shrink(plan: Plan, options: ShrinkOptions): Promise<Plan> {
  const search = new Search(plan, options);
  for (;;) {
    const before = search.best;
    await search.fewerFaults();
    await search.simpler();
    if (search.best === before || search.isLate) return search.best;
  }
}

class Search {
  best: Plan;
  readonly #options: ShrinkOptions;
  #tried = 0;

  constructor(plan: Plan, options: ShrinkOptions) {
    this.best = plan;
    this.#options = options;
  }

  get isLate(): boolean {
    return this.#options.nowMs() >= this.#options.deadlineMs;
  }

  async #accept(candidate: Plan): Promise<boolean> {
    if (this.isLate) return false;
    this.#tried += 1;
    const fails = await this.#options.stillFails(candidate);
    if (fails) this.best = candidate;
    this.#options.progress?.(this.best, this.#tried);
    return fails;
  }

  /** Ends with a list of which no single fault can be left out. */
  async fewerFaults(): Promise<void> {
    let parts = 2;
    while (this.best.faults.length > 0 && !this.isLate) {
      const { faults } = this.best;
      const size = Math.ceil(faults.length / parts);
      if (await this.#acceptWithout(faults, size)) {
        parts = Math.max(2, parts - 1);
        continue;
      }
      if (size === 1) return;
      parts = Math.min(faults.length, parts * 2);
    }
  }

  /** Leaves out one run of `size` faults, the last first: what comes after the violation goes at once. */
  async #acceptWithout(faults: readonly PlannedFault[], size: number): Promise<boolean> {
    for (let end = faults.length; end > 0; end -= size) {
      const kept = [...faults.slice(0, Math.max(0, end - size)), ...faults.slice(end)];
      if (await this.#accept({ ...this.best, faults: kept })) return true;
    }
    return false;
  }

  /** Each simplification as often as it helps. */
  async simpler(): Promise<void> {
    for (const simplify of simplifications) {
      for (;;) {
        const candidate = simplify(this.best);
        if (candidate === undefined || !(await this.#accept(candidate))) break;
      }
    }
    await this.#shorterFaults();
  }

  async #shorterFaults(): Promise<void> {
    for (let i = 0; i < this.best.faults.length && !this.isLate; i += 1) {
      for (;;) {
        const shorter = halved(this.best.faults[i]!);
        if (shorter === undefined) break;
        const faults = this.best.faults.with(i, shorter);
        if (!(await this.#accept({ ...this.best, faults }))) break;
      }
    }
  }
}

const shortestMs = 20;

/** undefined: it does not last, or is short already. */
function halved({ atMs, fault }: PlannedFault): PlannedFault | undefined {
  const halve = (ms: number): number => Math.max(shortestMs, Math.floor(ms / 2));
  if ("forMs" in fault && fault.forMs > shortestMs) {
    return { atMs, fault: { ...fault, forMs: halve(fault.forMs) } };
  }
  if ("downMs" in fault && fault.downMs !== null && fault.downMs > shortestMs) {
    return { atMs, fault: { ...fault, downMs: halve(fault.downMs) } };
  }
  return undefined;
}

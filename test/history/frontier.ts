import type { Operation } from "./operation.ts";

export interface Known {
  readonly revision: number;
  /** Who showed it first; undefined: nobody. */
  readonly operation: Operation | undefined;
}

const nothing: Known = { revision: 0, operation: undefined };

/** The highest revision that anybody knew of at a time, by what answers showed. */
export class Frontier {
  /** In order of time; revisions grow. */
  readonly #steps: Known[] = [];

  /** `shownBy`: 0 for nothing. */
  constructor(operations: readonly Operation[], shownBy: (operation: Operation) => number) {
    let newest = 0;
    const answered = operations.filter(({ returned }) => Number.isFinite(returned));
    for (const operation of answered.sort((a, b) => a.returned - b.returned)) {
      const revision = shownBy(operation);
      if (revision <= newest) continue;
      newest = revision;
      this.#steps.push({ revision, operation });
    }
  }

  /** From answers that were there before this time. */
  before(time: number): Known {
    let low = 0;
    let high = this.#steps.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#steps[middle]!.operation!.returned < time) low = middle + 1;
      else high = middle;
    }
    return this.#steps[low - 1] ?? nothing;
  }
}

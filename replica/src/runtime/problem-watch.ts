import type { Logger } from "../log.ts";

interface ProblemWatchParts {
  /** What is wrong now. */
  readonly problems: () => readonly string[];
  readonly nowMs: () => number;
  readonly log: Logger;
}

/** Says when a problem begins and when it is over, however often it is looked at. */
export class ProblemWatch {
  readonly #parts: ProblemWatchParts;
  /** With since when. */
  #known = new Map<string, number>();

  constructor(parts: ProblemWatchParts) {
    this.#parts = parts;
  }

  look(): void {
    const { problems, nowMs, log } = this.#parts;
    const atMs = nowMs();
    const found = new Map<string, number>();
    for (const problem of problems()) {
      const sinceMs = this.#known.get(problem);
      if (sinceMs === undefined) log.record("problem.raised", { problem });
      found.set(problem, sinceMs ?? atMs);
    }
    for (const [problem, sinceMs] of this.#known) {
      if (!found.has(problem)) log.record("problem.cleared", { problem, lastedMs: atMs - sinceMs });
    }
    this.#known = found;
  }
}

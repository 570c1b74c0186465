import type { Logger } from "../log.ts";
import type { Clock } from "./clock.ts";

const LOOK_EVERY_MS = 1000;

interface ProblemWatchParts {
  /** What is wrong now. */
  readonly problems: () => readonly string[];
  readonly clock: Pick<Clock, "nowMs" | "after">;
  readonly log: Logger;
}

/** Says when a problem begins and when it is over, however often it is looked at. */
export class ProblemWatch {
  readonly #parts: ProblemWatchParts;
  /** With since when. */
  #known = new Map<string, number>();
  #cancel: () => void = () => {};

  constructor(parts: ProblemWatchParts) {
    this.#parts = parts;
  }

  /** From a moment after the start, at which something is always missing. */
  start(): void {
    this.#cancel = this.#parts.clock.after(LOOK_EVERY_MS, () => {
      this.look();
      this.start();
    });
  }

  stop(): void {
    this.#cancel();
  }

  look(): void {
    const { problems, clock, log } = this.#parts;
    const atMs = clock.nowMs();
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

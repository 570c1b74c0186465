import type { Clock } from "./clock.ts";

/** Between two looks at the loop, which turns several times in between even when it is idle. */
const LOOK_MS = 1000;
/** Looks in a row without a turn, after which only a restart helps. */
const LOOKS_MAX = 10;

interface LivenessParts {
  readonly clock: Clock;
  /** Turns of the member's loop so far; undefined: there is none that should turn. */
  readonly turns: () => number | undefined;
}

/**
 * Whether the loop of the member turns, which depends on no peer and on no quorum (C4). It counts looks, not
 * time: when the process was held up, looks and turns were so together. While nothing at all runs, no probe is
 * answered; that is for whoever asks to notice.
 */
export class Liveness {
  readonly #parts: LivenessParts;
  #turns: number | undefined;
  #looksWithoutTurn = 0;
  #cancel: () => void = () => {};

  constructor(parts: LivenessParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#cancel = this.#parts.clock.after(LOOK_MS, () => {
      this.#look();
      this.start();
    });
  }

  stop(): void {
    this.#cancel();
  }

  problems(): readonly string[] {
    if (this.#looksWithoutTurn < LOOKS_MAX) return [];
    return [`the Raft loop has stood still for ${(this.#looksWithoutTurn * LOOK_MS) / 1000} s`];
  }

  #look(): void {
    const turns = this.#parts.turns();
    const stoodStill = turns !== undefined && turns === this.#turns;
    this.#looksWithoutTurn = stoodStill ? this.#looksWithoutTurn + 1 : 0;
    this.#turns = turns;
  }
}

interface BackoffOptions {
  readonly minMs: number;
  readonly maxMs: number;
  /** A number in [0, 1). */
  readonly random: () => number;
}

/** Exponential backoff; half of every delay is chance, so that members don't dial in step. */
export class Backoff {
  readonly #options: BackoffOptions;
  #failures = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  nextDelayMs(): number {
    const { minMs, maxMs, random } = this.#options;
    // 2^30 times any minimum is beyond every maximum.
    const delayMs = Math.min(maxMs, minMs * 2 ** Math.min(this.#failures, 30));
    this.#failures += 1;
    return delayMs * (0.5 + random() / 2);
  }

  succeeded(): void {
    this.#failures = 0;
  }
}

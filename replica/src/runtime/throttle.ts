import type { Clock } from "./clock.ts";

/** Keys remembered at once; beyond it all are forgotten, which only means more lines. */
const KEYS_MAX = 256;

/** Lets each thing be said once in a while. */
export class Throttle {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #saidAtMs = new Map<string, number>();

  constructor(clock: Clock, intervalMs: number) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
  }

  isDue(key: string): boolean {
    const nowMs = this.#clock.nowMs();
    const saidAtMs = this.#saidAtMs.get(key);
    if (saidAtMs !== undefined && nowMs - saidAtMs < this.#intervalMs) return false;
    if (this.#saidAtMs.size >= KEYS_MAX) this.#saidAtMs.clear();
    this.#saidAtMs.set(key, nowMs);
    return true;
  }
}

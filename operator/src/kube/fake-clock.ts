import type { QueueClock } from "./work-queue.ts";

interface Timer {
  readonly dueMs: number;
  readonly callback: () => void;
}

/** Time that a test moves by hand. */
export class FakeClock implements QueueClock {
  #nowMs = 0;
  readonly #timers = new Set<Timer>();

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { dueMs: this.#nowMs + delayMs, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** As for a process that was frozen: the time has passed, and no timer has run yet. */
  jump(ms: number): void {
    this.#nowMs += ms;
  }

  /** Runs what is due on the way, in order, with the promises that it settles. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      await settle();
      const next = [...this.#timers].sort((a, b) => a.dueMs - b.dueMs)[0];
      if (next === undefined || next.dueMs > untilMs) break;
      this.#timers.delete(next);
      this.#nowMs = next.dueMs;
      next.callback();
    }
    this.#nowMs = untilMs;
    await settle();
  }
}

function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

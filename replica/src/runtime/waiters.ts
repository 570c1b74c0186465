/** Callers that wait for a condition, each with a deadline; who comes too late is told so by `false`. */
export class Waiters<T> {
  #waiting: { readonly value: T; readonly deadlineMs: number; readonly resolve: (met: boolean) => void }[] =
    [];
  readonly #isMet: (value: T) => boolean;
  #closed = false;

  constructor(isMet: (value: T) => boolean) {
    this.#isMet = isMet;
  }

  get size(): number {
    return this.#waiting.length;
  }

  /** True once the condition is met, false when the deadline passed first. */
  wait(value: T, deadlineMs: number): Promise<boolean> {
    if (this.#isMet(value)) return Promise.resolve(true);
    if (this.#closed) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#waiting.push({ value, deadlineMs, resolve });
    });
  }

  check(nowMs: number): void {
    if (this.#waiting.length === 0) return;
    this.#waiting = this.#waiting.filter(({ value, deadlineMs, resolve }) => {
      const met = this.#isMet(value);
      if (!met && deadlineMs > nowMs) return true;
      resolve(met);
      return false;
    });
  }

  /** Nothing changes any more: who waits, or comes later, is told so. */
  close(): void {
    this.#closed = true;
    for (const { resolve } of this.#waiting) resolve(false);
    this.#waiting = [];
  }
}

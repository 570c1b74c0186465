/** Time as the queue uses it; the system's, or a test's. */
export interface QueueClock {
  nowMs(): number;
  /** Calls back once after a while; the answer cancels. */
  after(delayMs: number, callback: () => void): () => void;
}

export interface WorkQueueOptions {
  readonly clock: QueueClock;
  /** First pause after a failure of a key; it doubles with each further one. */
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  /** Keys begun per second over all keys, in the long run, and at once. */
  readonly perSecond: number;
  readonly burst: number;
  readonly workers: number;
  /** Throws to have the key tried again after a pause. A number: again after so many milliseconds. */
  readonly work: (key: string) => Promise<number | undefined>;
  readonly failed: (key: string, error: unknown, retryInMs: number) => void;
  /** A key that had been due for so long is worked on now. */
  readonly begun?: (key: string, waitedMs: number) => void;
}

interface Waiting {
  readonly dueMs: number;
  readonly cancel: () => void;
}

/**
 * Keys to look at, as in client-go's workqueue: a key is there once however often it is added, is never worked
 * on twice at the same time, and is looked at again when it was added meanwhile.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  /** Due keys and since when, in order. */
  readonly #due = new Map<string, number>();
  readonly #waiting = new Map<string, Waiting>();
  /** Keys that are worked on, and since when. */
  readonly #active = new Map<string, number>();
  /** Added while it was worked on. */
  readonly #again = new Set<string>();
  readonly #failures = new Map<string, number>();
  #tokens: number;
  #refilledMs: number;
  #cancelRefill: (() => void) | undefined;
  #stopped = false;
  #idle: (() => void) | undefined;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
    this.#tokens = options.burst;
    this.#refilledMs = options.clock.nowMs();
  }

  /** Keys that are due and not begun. */
  get depth(): number {
    return this.#due.size;
  }

  /** Keys that are worked on. */
  get active(): number {
    return this.#active.size;
  }

  /** How long the longest work that is under way has taken; 0: none is. */
  get longestMs(): number {
    const nowMs = this.#options.clock.nowMs();
    return nowMs - Math.min(nowMs, ...this.#active.values());
  }

  /** As soon as possible; a pause that it has is cut short. */
  add(key: string): void {
    if (this.#stopped) return;
    this.#waiting.get(key)?.cancel();
    this.#waiting.delete(key);
    if (this.#active.has(key)) this.#again.add(key);
    else if (!this.#due.has(key)) this.#due.set(key, this.#options.clock.nowMs());
    this.#pump();
  }

  /** In a while, unless it is there sooner for another reason. */
  addAfter(key: string, delayMs: number): void {
    if (this.#stopped || this.#due.has(key) || this.#again.has(key)) return;
    const { clock } = this.#options;
    const dueMs = clock.nowMs() + delayMs;
    const before = this.#waiting.get(key);
    if (before !== undefined && before.dueMs <= dueMs) return;
    before?.cancel();
    const cancel = clock.after(delayMs, () => this.add(key));
    this.#waiting.set(key, { dueMs, cancel });
  }

  /** The object is gone: its failures are forgotten. */
  forget(key: string): void {
    this.#failures.delete(key);
    this.#waiting.get(key)?.cancel();
    this.#waiting.delete(key);
  }

  /** Begins nothing more; resolves when what is under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const { cancel } of this.#waiting.values()) cancel();
    this.#waiting.clear();
    this.#due.clear();
    this.#again.clear();
    this.#cancelRefill?.();
    if (this.#active.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
    });
  }

  #pump(): void {
    const { workers, clock, begun } = this.#options;
    while (!this.#stopped && this.#active.size < workers) {
      const next = this.#due.entries().next().value;
      if (next === undefined || !this.#takeToken()) return;
      const [key, sinceMs] = next;
      this.#due.delete(key);
      const nowMs = clock.nowMs();
      this.#active.set(key, nowMs);
      begun?.(key, nowMs - sinceMs);
      void this.#run(key);
    }
  }

  async #run(key: string): Promise<void> {
    const { work, failed } = this.#options;
    try {
      const againMs = await work(key);
      this.#failures.delete(key);
      this.#ended(key, againMs);
    } catch (error) {
      const retryInMs = this.#backoffMs(key);
      failed(key, error, retryInMs);
      this.#ended(key, retryInMs);
    }
  }

  #ended(key: string, againMs: number | undefined): void {
    this.#active.delete(key);
    if (this.#stopped) {
      if (this.#active.size === 0) this.#idle?.();
      return;
    }
    if (this.#again.delete(key)) this.add(key);
    else if (againMs !== undefined) this.addAfter(key, againMs);
    this.#pump();
  }

  #backoffMs(key: string): number {
    const { backoffMinMs, backoffMaxMs } = this.#options;
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    return Math.min(backoffMaxMs, backoffMinMs * 2 ** Math.min(failures, 30));
  }

  #takeToken(): boolean {
    const { clock, perSecond, burst } = this.#options;
    const nowMs = clock.nowMs();
    this.#tokens = Math.min(burst, this.#tokens + ((nowMs - this.#refilledMs) / 1000) * perSecond);
    this.#refilledMs = nowMs;
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      return true;
    }
    this.#cancelRefill?.();
    this.#cancelRefill = clock.after(Math.ceil(((1 - this.#tokens) / perSecond) * 1000), () => this.#pump());
    return false;
  }
}

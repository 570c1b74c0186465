import { type AppliedEntry, Applier } from "../apply/applier.ts";
import type { Logger } from "../log.ts";
import type { Store } from "../mvcc/store.ts";
import { decodeConfiguration } from "../raft/confchange/codec.ts";
import type { Entry } from "../raft/types.ts";
import type { DurableStore } from "../storage/types.ts";
import type { Clock } from "./clock.ts";
import type { RuntimeLimits } from "./limits.ts";
import type { RuntimeMetrics } from "./runtime-metrics.ts";

interface StateMachineParts {
  readonly store: DurableStore;
  readonly clock: Clock;
  readonly flushBytes: number;
  readonly flushIntervalMs: number;
  /** A write that takes longer is logged. */
  readonly slowFlushMs: number;
  readonly log?: Logger;
  readonly clusterId: bigint;
  /** Of the log at the start. */
  readonly logLastIndex: bigint;
  readonly failed: (error: unknown) => void;
  /** There is room for more after a flush. */
  readonly flushed: () => void;
  readonly metrics: RuntimeMetrics;
  readonly limits: RuntimeLimits;
}

/** The applier and when its changes go to the disk. */
export class StateMachine {
  readonly #parts: StateMachineParts;
  #applier: Applier;
  #flushing: Promise<void> | undefined;
  #dirtySinceMs: number | undefined;
  /** Another store is taking this one's place: nothing may be committed. */
  #paused = false;

  constructor(parts: StateMachineParts) {
    this.#parts = parts;
    this.#applier = this.#load();
  }

  #load(): Applier {
    const { store, clusterId, logLastIndex } = this.#parts;
    return new Applier({ backend: store, clusterId, decodeConfiguration, comparedAfter: logLastIndex });
  }

  /** Another state took the store's place (a snapshot was installed). */
  reload(): void {
    this.#applier = this.#load();
    this.#dirtySinceMs = undefined;
    this.#paused = false;
  }

  get applier(): Applier {
    return this.#applier;
  }

  get store(): Store {
    return this.#applier.store;
  }

  get appliedIndex(): bigint {
    return this.#applier.appliedIndex;
  }

  get durableAppliedIndex(): bigint {
    return this.#applier.durableAppliedIndex;
  }

  canApply(): boolean {
    return !this.#applier.overlayFull;
  }

  apply(entry: Entry): AppliedEntry {
    const { clock, metrics, limits, log } = this.#parts;
    const startMs = clock.nowMs();
    const compactedBefore = this.store.compactedRevision;
    const [applied] = this.#applier.apply([entry]);
    if (this.store.compactedRevision !== compactedBefore) metrics.compactions.increment();
    const tookMs = clock.nowMs() - startMs;
    metrics.applyDuration.observe(tookMs / 1000);
    if (tookMs >= limits.slowApplyMs) log?.record("apply.slow", { index: entry.index, tookMs });
    this.#dirtySinceMs ??= startMs;
    return applied!;
  }

  /** When `tick` has something to do; a flush that ends says so itself. */
  dueMs(nowMs: number): number {
    const { flushIntervalMs, limits } = this.#parts;
    if (this.#flushing !== undefined || this.#paused) return Number.POSITIVE_INFINITY;
    if (this.store.compactionPending) return nowMs + limits.tickMs;
    return this.#dirtySinceMs === undefined ? Number.POSITIVE_INFINITY : this.#dirtySinceMs + flushIntervalMs;
  }

  /** Starts a flush when enough has gathered or waited long enough, and removes some compacted history. */
  tick(nowMs: number): void {
    const { flushBytes, flushIntervalMs, limits } = this.#parts;
    if (this.#flushing !== undefined || this.#paused) return;
    if (this.store.compactionPending) {
      this.store.compactStep({ maxRecords: limits.scanStepMaxKeys, maxBytes: limits.scanStepMaxBytes });
      this.#dirtySinceMs ??= nowMs;
    }
    if (this.#dirtySinceMs === undefined) return;
    const due = nowMs - this.#dirtySinceMs >= flushIntervalMs || this.store.overlay.activeBytes >= flushBytes;
    if (due) this.#startFlush();
  }

  /** Writes everything to the disk, and nothing more until `reload`. */
  async pause(): Promise<void> {
    await this.flush();
    this.#paused = true;
  }

  /** Resolves when all that is applied now is on disk; rejects when the disk failed. */
  async flush(): Promise<void> {
    while (this.#flushing !== undefined || this.#dirtySinceMs !== undefined) {
      await (this.#flushing ?? this.#startFlush());
    }
  }

  #startFlush(): Promise<void> {
    const { store, failed, flushed, clock, metrics, log, slowFlushMs } = this.#parts;
    const applier = this.#applier;
    this.#dirtySinceMs = undefined;
    const batch = applier.freeze();
    if (batch === undefined) return Promise.resolve();
    const startMs = clock.nowMs();
    this.#flushing = store.commit(batch.writes).then(() => {
      applier.release();
      this.#flushing = undefined;
      const tookMs = clock.nowMs() - startMs;
      metrics.storeFlushDuration.observe(tookMs / 1000);
      if (tookMs >= slowFlushMs) log?.record("flush.slow", { target: "store", tookMs, entries: undefined });
      flushed();
    });
    this.#flushing.catch(failed);
    return this.#flushing;
  }
}

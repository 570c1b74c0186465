import type { Logger } from "../log.ts";
import type { DataDirectory } from "../storage/types.ts";
import type { Compactor } from "./compactor.ts";
import type { ReplicaConfig } from "./config.ts";
import type { DiskWatch } from "./disk-watch.ts";
import type { RuntimeLimits } from "./limits.ts";
import type { RuntimeMetrics } from "./runtime-metrics.ts";
import type { SnapshotSender } from "./snapshot-sender.ts";
import type { StateMachine } from "./state-machine.ts";

interface HousekeepingParts {
  readonly directory: DataDirectory;
  readonly config: ReplicaConfig;
  readonly disk: DiskWatch;
  readonly limits: RuntimeLimits;
  readonly machine: StateMachine;
  readonly snapshotSender: SnapshotSender;
  readonly compactor: Compactor;
  readonly isLeader: () => boolean;
  readonly handOver: () => Promise<void>;
  /** Since when the oldest write of the log has been under way; undefined: none is. */
  readonly writingSinceMs: () => number | undefined;
  readonly log: Logger;
  readonly metrics: RuntimeMetrics;
  readonly failed: (error: unknown) => void;
}

/** What a member looks after from time to time: log, snapshots, disk, damage. */
export class Housekeeping {
  readonly #parts: HousekeepingParts;
  #nextMs = 0;
  #nextHandOverMs = 0;
  #nextStallMs = 0;

  constructor(parts: HousekeepingParts) {
    this.#parts = parts;
  }

  /** When `tick` has something to do. */
  get dueMs(): number {
    return this.#nextMs;
  }

  tick(nowMs: number): void {
    if (nowMs < this.#nextMs) return;
    this.#nextMs = nowMs + this.#parts.limits.housekeepingMs;
    this.#parts.snapshotSender.tick();
    this.#parts.compactor.tick(nowMs);
    this.#compactLog();
    this.#checkDisk(nowMs);
    this.#checkStall(nowMs);
    this.#scrub();
  }

  /**
   * A leader whose disk stands still lets another one lead, long before that ends the process (B12): what it has
   * under way bounds what it proposes, so all writes wait for it.
   */
  #checkStall(nowMs: number): void {
    const { config, limits, log, isLeader, handOver, writingSinceMs, failed } = this.#parts;
    const allowedMs = limits.stalledWriteTimeouts * config.electionTimeoutMs;
    const tookMs = nowMs - (writingSinceMs() ?? nowMs);
    if (tookMs < allowedMs || nowMs < this.#nextStallMs || !isLeader()) return;
    this.#nextStallMs = nowMs + allowedMs;
    log.record("disk.stalled", { tookMs });
    handOver().catch(failed);
  }

  /** Looks for damage in records that nobody reads (B7). */
  #scrub(): void {
    const { directory, limits, failed, metrics } = this.#parts;
    try {
      const bounds = { maxRecords: limits.scrubMaxRecords, maxBytes: limits.scrubMaxBytes };
      const { records, passed } = directory.store.scrubStep(bounds);
      metrics.scrubbedRecords.increment(records);
      if (passed) metrics.scrubPasses.increment();
    } catch (error) {
      failed(error);
    }
  }

  /** Forgets entries that are in the store on disk, less a margin and what followers may still need. */
  #compactLog(): void {
    const { directory, config, limits, failed, machine, snapshotSender, log: logger } = this.#parts;
    const { log } = directory;
    let through = machine.durableAppliedIndex - limits.compactionMarginEntries;
    const retained = log.indexLeaving({ entries: config.logRetainedEntries, bytes: config.logRetainedBytes });
    if (retained < through) through = retained;
    const pinned = snapshotSender.pinnedIndex();
    if (pinned !== undefined && pinned < through && log.bytesAfter(pinned) <= config.logPinnedMaxBytes) {
      through = pinned;
    }
    if (through < log.firstIndex()) return;
    log.compact(through).then(() => logger.record("log.compacted", { through }), failed);
  }

  #checkDisk(nowMs: number): void {
    const { disk, failed } = this.#parts;
    disk
      .check()
      .then(() => this.#maybeHandOver(nowMs))
      .catch(failed);
  }

  /** A leader whose disk is about to refuse entries lets another one lead (B11). */
  async #maybeHandOver(nowMs: number): Promise<void> {
    const { disk, limits, isLeader, handOver } = this.#parts;
    if (disk.report.state !== "full" || nowMs < this.#nextHandOverMs || !isLeader()) return;
    this.#nextHandOverMs = nowMs + limits.fullHandOverMs;
    await handOver();
  }
}

import type { ReplicaConfig } from "./config.ts";
import type { RuntimeLimits } from "./limits.ts";

interface CompactorParts {
  readonly config: Pick<ReplicaConfig, "compactionKeepRevisions" | "compactionKeepSeconds">;
  readonly limits: RuntimeLimits;
  readonly isLeader: () => boolean;
  /** Of the store here: the newest revision, and the oldest that can be read. */
  readonly revision: () => bigint;
  readonly compactedRevision: () => bigint;
  readonly propose: (revision: bigint) => void;
}

/** The store was at this revision at that time, or beyond. */
interface Sample {
  readonly atMs: number;
  readonly revision: bigint;
}

/**
 * Proposes compactions as the settings say, on the leader: so many revisions, and the states of so many seconds,
 * stay readable; with both settings the older of the two revisions counts. Which revision was in force when is
 * known from samples of this process' own time: what happened before its start counts as new, so history is kept
 * for longer after a restart, never shorter.
 */
export class Compactor {
  readonly #parts: CompactorParts;
  readonly #keepMs: number;
  readonly #sampleEveryMs: number;
  /** In order of time; the first is the newest that is old enough, or too young like the others. */
  readonly #samples: Sample[] = [];
  #nextSampleMs = 0;
  #nextMs = 0;

  constructor(parts: CompactorParts) {
    this.#parts = parts;
    this.#keepMs = parts.config.compactionKeepSeconds * 1000;
    this.#sampleEveryMs = this.#keepMs / parts.limits.compactionSamplesMax;
  }

  get samples(): number {
    return this.#samples.length;
  }

  tick(nowMs: number): void {
    const { limits, isLeader, compactedRevision, propose } = this.#parts;
    this.#sample(nowMs);
    if (nowMs < this.#nextMs || !isLeader()) return;
    const target = this.#target(nowMs);
    if (target === undefined || target <= compactedRevision()) return;
    this.#nextMs = nowMs + limits.compactionEveryMs;
    propose(target);
  }

  /** What may go is below it; undefined: nothing may. */
  #target(nowMs: number): bigint | undefined {
    const { config, revision } = this.#parts;
    const keepRevisions = BigInt(config.compactionKeepRevisions);
    if (this.#keepMs === 0) return keepRevisions === 0n ? undefined : revision() - keepRevisions;
    const byTime = this.#revisionAt(nowMs - this.#keepMs);
    if (keepRevisions === 0n || byTime === undefined) return byTime;
    const byCount = revision() - keepRevisions;
    return byTime < byCount ? byTime : byCount;
  }

  #revisionAt(timeMs: number): bigint | undefined {
    const [oldest] = this.#samples;
    return oldest !== undefined && oldest.atMs <= timeMs ? oldest.revision : undefined;
  }

  #sample(nowMs: number): void {
    if (this.#keepMs === 0) return;
    if (nowMs >= this.#nextSampleMs) {
      this.#nextSampleMs = nowMs + this.#sampleEveryMs;
      this.#samples.push({ atMs: nowMs, revision: this.#parts.revision() });
    }
    while (this.#samples.length > 1 && this.#samples[1]!.atMs <= nowMs - this.#keepMs) this.#samples.shift();
  }
}

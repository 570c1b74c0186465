import { NO_BYTES } from "./bytes.ts";
import { RollingHash, xxh32 } from "./hash.ts";
import type { Revision } from "./history.ts";
import type { HistoryRecords } from "./history-records.ts";
import { walkStates } from "./range.ts";
import { contentOffsetOf, decodeState } from "./records.ts";
import { type StepBudget, StepMeter } from "./step-budget.ts";
import type { KeyRange, RevisionRefusal } from "./types.ts";

export interface HashResult {
  readonly hash: bigint;
  readonly revision: bigint;
  readonly compactedRevision: bigint;
}

/**
 * A hash over what can be read up to a revision, as etcd's HashKV: the newest event at or before the
 * compacted revision of each key that exists there, in key order, then every event after it, in order of
 * revision. That is what compaction leaves, whether or not it has been removed already; so members with the
 * same data and the same compacted revision have the same hash.
 *
 * Made in steps, between which anything may be applied, except that a further compaction ends it.
 */
export class HistoryHash {
  readonly #records: HistoryRecords;
  readonly #through: number;
  readonly #compacted: number;
  readonly #compactedNow: () => number;
  readonly #hash = new RollingHash();
  /** Keys at the compacted revision that are left; undefined: done. */
  #keys: KeyRange | undefined;
  #next: Revision;

  constructor(records: HistoryRecords, through: number, compactedNow: () => number) {
    this.#records = records;
    this.#through = through;
    this.#compacted = compactedNow();
    this.#compactedNow = compactedNow;
    this.#keys = this.#compacted === 0 ? undefined : { start: NO_BYTES, end: NO_BYTES };
    this.#next = { main: this.#compacted + 1, sub: 0 };
  }

  /** undefined: there is more to do. Refused when a compaction was applied since it began: begin anew. */
  step(budget: StepBudget): HashResult | RevisionRefusal | undefined {
    const compactedNow = this.#compactedNow();
    if (compactedNow !== this.#compacted) {
      return { reason: "compacted", compactedRevision: BigInt(compactedNow) };
    }
    const meter = new StepMeter(budget);
    if (this.#keys !== undefined) this.#hashKeys(this.#keys, meter);
    if (this.#keys === undefined) this.#hashEvents(meter);
    if (this.#keys !== undefined || this.#next.main <= this.#through) return undefined;
    return {
      hash: this.#hash.value,
      revision: BigInt(this.#through),
      compactedRevision: BigInt(this.#compacted),
    };
  }

  #hashKeys(keys: KeyRange, meter: StepMeter): void {
    const records = this.#records;
    const revision = this.#compacted;
    this.#keys = walkStates(
      { records, revision },
      { ...keys, reverse: false },
      {
        get full() {
          return meter.spent;
        },
        visit: (_key, newest) => {
          const state = records.stateAt(decodeState(newest), revision);
          const record = state === undefined ? NO_BYTES : records.eventRecord(state.main, state.sub);
          meter.spend(record.length);
          if (state !== undefined) this.#hash.mixEvent(state, eventDigest(record));
        },
      },
    );
  }

  #hashEvents(meter: StepMeter): void {
    const end = { main: this.#through + 1, sub: 0 };
    for (const [revision, record] of this.#records.events(this.#next, end)) {
      if (meter.spent) {
        this.#next = revision;
        return;
      }
      meter.spend(record.length);
      this.#hash.mixEvent(revision, eventDigest(record));
    }
    this.#next = end;
  }
}

/** Over the content alone: how the chain is stored is no matter of the history. */
function eventDigest(record: Uint8Array): number {
  return xxh32(record, contentOffsetOf(record), record.length, 0);
}

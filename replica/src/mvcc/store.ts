import { assert } from "../assert.ts";
import type { KvReader } from "../storage/kv-backend.types.ts";
import { NO_BYTES } from "./bytes.ts";
import type {
  ChangeRefusal,
  ChangeRefused,
  CompactApplied,
  DeleteApplied,
  DeleteChange,
  PutApplied,
  PutChange,
} from "./changes.ts";
import { removeCompacted } from "./compaction.ts";
import { RollingHash, xxh32 } from "./hash.ts";
import { chainAfter, DELETED, KeyState, type Revision } from "./history.ts";
import { HistoryHash } from "./history-hash.ts";
import { HistoryRecords } from "./history-records.ts";
import { DELETE_MAX_KEYS, DELETE_PREVIOUS_MAX_BYTES, STATE_CACHE_MAX_BYTES } from "./limits.ts";
import { decodeHistoryMeta, EMPTY_HISTORY, encodeHistoryMeta, HISTORY_META_KEY } from "./meta.ts";
import type { FrozenBatch, Overlay } from "./overlay.ts";
import { readRange, scanEnd } from "./range.ts";
import { decodeState } from "./records.ts";
import type { KeySlot } from "./slot-cache.ts";
import type { StepBudget } from "./step-budget.ts";
import type { KeyValue, RangeQuery, RangeStep, RevisionRefusal } from "./types.ts";

/** Revisions are numbers inside: at a million changes a second they last 285 years. */
const REVISION_MAX = Number.MAX_SAFE_INTEGER;

export interface StoreOptions {
  readonly cacheMaxBytes?: number;
}

/**
 * Keys and their history at revisions: what etcd calls its mvcc store. One counter for the whole store; every
 * change has the next *main* revision, and what it changes has sub indices from 0 within it. The store is at
 * revision 1 while it is empty.
 *
 * All is synchronous. Changes go to the overlay; `freeze` hands out what is to be committed.
 */
export class Store {
  readonly #records: HistoryRecords;
  readonly #hash: RollingHash;
  #revision: number;
  #compacted: number;
  #liveKeys: number;
  #compactNext: Revision;

  /** Continues where `backend` is. Reads one record. Throws UnknownFormatError. */
  constructor(backend: KvReader, options: StoreOptions = {}) {
    const record = backend.get("meta", HISTORY_META_KEY);
    const meta = record === undefined ? EMPTY_HISTORY : decodeHistoryMeta(record);
    this.#records = new HistoryRecords(backend, options.cacheMaxBytes ?? STATE_CACHE_MAX_BYTES);
    this.#hash = new RollingHash(meta.hash);
    this.#revision = meta.revision;
    this.#compacted = meta.compacted;
    this.#liveKeys = meta.liveKeys;
    this.#compactNext = meta.compactNext;
  }

  /** Of the newest change. */
  get revision(): bigint {
    return BigInt(this.#revision);
  }

  /** Reads below it are refused; 0n: nothing was compacted. */
  get compactedRevision(): bigint {
    return BigInt(this.#compacted);
  }

  /** Keys that exist now. */
  get totalKeys(): number {
    return this.#liveKeys;
  }

  /** Over everything applied so far, equal on members that applied the same (B14). */
  get rollingHash(): bigint {
    return this.#hash.value;
  }

  get overlay(): Overlay {
    return this.#records.overlay;
  }

  /** Makes an entry of the log part of the rolling hash; `data`: of one that changes no keys. */
  mixEntry(index: bigint, term: bigint, data: Uint8Array = NO_BYTES): void {
    this.#hash.mixPosition(Number(index), Number(term & 0xffff_ffffn));
    if (data.length > 0) this.#hash.mix(xxh32(data, 0, data.length, 0));
  }

  put(change: PutChange): PutApplied | ChangeRefused {
    const { key, value, lease } = change;
    const slot = this.#records.slot(key);
    const live = slot === undefined || slot.state.version === 0 ? undefined : slot.state;
    const refusal = compare(change.expectedModRevision, live);
    if (refusal !== undefined) return refused(refusal);
    const previous = change.previous && live !== undefined ? this.#records.keyValue(live, key) : undefined;
    const main = this.#nextRevision();
    const life = { create: live?.create ?? main, version: (live?.version ?? 0) + 1, lease };
    const state = new KeyState({ main, sub: 0 }, life, chainAfter(this.#known(slot?.state)));
    this.#append(slot, state, key, value);
    if (live === undefined) this.#liveKeys++;
    return { type: "put", revision: BigInt(main), previous };
  }

  /**
   * Deletes a key or a range. Deleting nothing is no change: the revision stays. More than `maxKeys`, or more
   * previous values than one answer takes, are refused.
   */
  delete(change: DeleteChange, maxKeys: number = DELETE_MAX_KEYS): DeleteApplied | ChangeRefused {
    if (change.expectedModRevision !== undefined) {
      const refusal = compare(change.expectedModRevision, this.#live(change.start));
      if (refusal !== undefined) return refused(refusal);
    }
    const victims = this.#victims(change, maxKeys + 1);
    if (victims.length > maxKeys) return refused({ reason: "too-many-keys", limit: maxKeys });
    const previous = change.previous ? this.#previousValues(victims) : [];
    if (previous.length < victims.length && change.previous) {
      return refused({ reason: "too-many-keys", limit: previous.length });
    }
    if (victims.length === 0) return { type: "delete", revision: this.revision, deleted: 0, previous };
    const main = this.#nextRevision();
    for (let sub = 0; sub < victims.length; sub++) {
      const { key, state } = victims[sub]!;
      const tombstone = new KeyState({ main, sub }, DELETED, chainAfter(state));
      this.#append(this.#records.slot(key), tombstone, key, NO_BYTES);
    }
    this.#liveKeys -= victims.length;
    return { type: "delete", revision: BigInt(main), deleted: victims.length, previous };
  }

  /**
   * From now on reads below `revision` are refused; {@link Store.compactStep} then removes what no read can
   * come to. Refused for a revision that is compacted already or in the future.
   */
  compact(revision: bigint): CompactApplied | ChangeRefused {
    if (revision <= this.compactedRevision) {
      return refused({ reason: "compacted", compactedRevision: this.compactedRevision });
    }
    if (revision > this.revision) return refused({ reason: "future", revision: this.revision });
    this.#compacted = Number(revision);
    this.#hash.mixPosition(this.#compacted, -1);
    return { type: "compact", revision };
  }

  /** `revision` undefined: the newest. The answer is undefined when the key does not exist there. */
  get(key: Uint8Array, revision: bigint | undefined): KeyValue | RevisionRefusal | undefined {
    const newest = this.#records.slot(key)?.state;
    if (revision === undefined) {
      return newest === undefined || newest.deleted ? undefined : this.#records.keyValue(newest, key);
    }
    const refusal = this.#refuseRead(revision);
    if (refusal !== undefined) return refusal;
    if (newest === undefined) return undefined;
    const state = this.#records.stateAt(newest, Number(revision));
    return state === undefined ? undefined : this.#records.keyValue(state, key);
  }

  /**
   * One bounded step of a range read. It may return fewer keys than asked for, even none: only `next` says
   * whether the range is at its end. Between steps anything may happen to the store; pass the revision.
   */
  rangeStep(query: RangeQuery): RangeStep | RevisionRefusal {
    assert(query.maxKeys > 0 && query.maxBytes > 0, "a step of a range takes at least one key");
    const { revision } = query;
    const refusal = revision === undefined ? undefined : this.#refuseRead(revision);
    if (refusal !== undefined) return refusal;
    const newest = revision === undefined || revision === this.revision;
    return readRange({ records: this.#records, revision: newest ? undefined : Number(revision) }, query);
  }

  /** Compaction has events left to go through. */
  get compactionPending(): boolean {
    return this.#compactNext.main <= this.#compacted;
  }

  /**
   * Removes some of what compaction left without a reader. Its pace is this member's own: no answer and no
   * hash depends on it. It goes on after a restart. Does nothing while the overlay is full. Returns whether
   * more is left.
   */
  compactStep(budget: StepBudget): boolean {
    if (this.compactionPending && !this.overlay.full) {
      this.#compactNext = removeCompacted(this.#records, this.#compactNext, this.#compacted, budget);
    }
    return this.compactionPending;
  }

  /** Begins to hash the history up to `revision`; undefined: the newest. */
  hash(revision: bigint | undefined): HistoryHash | RevisionRefusal {
    const refusal = revision === undefined ? undefined : this.#refuseRead(revision);
    if (refusal !== undefined) return refusal;
    const through = revision === undefined ? this.#revision : Number(revision);
    return new HistoryHash(this.#records, through, () => this.#compacted);
  }

  /** What has to be committed, with the counters in it. */
  freeze(): FrozenBatch {
    const meta = encodeHistoryMeta({
      revision: this.#revision,
      compacted: this.#compacted,
      liveKeys: this.#liveKeys,
      hash: this.#hash.value,
      compactNext: this.#compactNext,
    });
    this.overlay.set("meta", HISTORY_META_KEY, meta);
    return this.overlay.freeze();
  }

  release(): void {
    this.overlay.release();
  }

  #refuseRead(revision: bigint): RevisionRefusal | undefined {
    if (revision > this.revision) return { reason: "future", revision: this.revision };
    if (revision >= this.compactedRevision) return undefined;
    return { reason: "compacted", compactedRevision: this.compactedRevision };
  }

  #nextRevision(): number {
    assert(this.#revision < REVISION_MAX, "revisions are exhausted");
    return ++this.#revision;
  }

  /**
   * A tombstone that is compacted counts as no history, whether or not it was removed here already: so
   * that chains are the same on every member.
   */
  #known(newest: KeyState | undefined): KeyState | undefined {
    return newest?.deleted && newest.main <= this.#compacted ? undefined : newest;
  }

  #live(key: Uint8Array): KeyState | undefined {
    const newest = this.#records.slot(key)?.state;
    return newest?.deleted ? undefined : newest;
  }

  #append(slot: KeySlot | undefined, state: KeyState, key: Uint8Array, value: Uint8Array): void {
    this.#hash.mixEvent(state, this.#records.append(slot, state, key, value));
  }

  /** The live keys that a delete takes, at most `limit`. */
  #victims(change: DeleteChange, limit: number): { key: Uint8Array; state: KeyState }[] {
    if (change.end === undefined) {
      const state = this.#live(change.start);
      return state === undefined ? [] : [{ key: change.start, state }];
    }
    const victims: { key: Uint8Array; state: KeyState }[] = [];
    const rows = this.overlay.scan("cur", { start: change.start, end: scanEnd(change) });
    for (const [key, record] of rows) {
      victims.push({ key, state: decodeState(record) });
      if (victims.length >= limit) break;
    }
    return victims;
  }

  /** As many as may be returned; at least one. */
  #previousValues(victims: readonly { key: Uint8Array; state: KeyState }[]): KeyValue[] {
    const previous: KeyValue[] = [];
    let bytes = 0;
    for (const { key, state } of victims) {
      const keyValue = this.#records.keyValue(state, key);
      bytes += key.length + keyValue.value.length;
      if (bytes > DELETE_PREVIOUS_MAX_BYTES && previous.length > 0) break;
      previous.push(keyValue);
    }
    return previous;
  }
}

function refused(refusal: ChangeRefusal): ChangeRefused {
  return { type: "refused", refusal };
}

function compare(expected: bigint | undefined, live: KeyState | undefined): ChangeRefusal | undefined {
  if (expected === undefined) return undefined;
  const modRevision = BigInt(live?.main ?? 0);
  return expected === modRevision ? undefined : { reason: "compare-failed", modRevision };
}

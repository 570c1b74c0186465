import { AssertionError, assert } from "../assert.ts";
import { Unstable } from "./log-unstable.ts";
import { lower } from "./position.ts";
import type { Entry, LogStorage, SnapshotMetadata } from "./types.ts";

const NO_ENTRIES: readonly Entry[] = [];

/** Where a follower's log and the leader's may agree, and the term there. */
export interface Agreement {
  readonly index: bigint;
  readonly term: bigint;
}

/** The leader counts on entries that we acknowledged: this disk has lost what it promised to keep (B1, B2). */
export class LostEntriesError extends AssertionError {
  constructor(message: string) {
    super(message);
    this.name = "LostEntriesError";
  }
}

/**
 * The log: what is durable, read through {@link LogStorage}, and after it what is being written.
 *
 * Invariant: firstIndex - 1 <= applied <= handedOut <= committed <= lastIndex.
 */
export class RaftLog {
  readonly #storage: LogStorage;
  readonly unstable: Unstable;
  /** The highest index known to be committed (Raft §5.3). Never goes back. */
  committed: bigint;
  /** Committed entries up to here were handed out to be applied. */
  handedOut: bigint;
  /** The highest index reported as applied. */
  applied: bigint;
  /** Every entry from #tailStart to the last has #tailTerm, so the hot path asks no storage for a term. */
  #tailStart: bigint;
  #tailTerm: bigint;

  constructor(storage: LogStorage, committed: bigint, applied: bigint) {
    this.#storage = storage;
    const lastIndex = storage.lastIndex();
    this.unstable = new Unstable(lastIndex);
    assert(applied >= storage.firstIndex() - 1n, "the log begins after the applied index");
    assert(committed <= lastIndex && applied <= committed, "applied <= committed <= last index");
    this.committed = committed;
    this.handedOut = applied;
    this.applied = applied;
    const lastTerm = storage.term(lastIndex);
    assert(lastTerm !== undefined, "the log has no term at its last index");
    this.#tailStart = lastIndex;
    this.#tailTerm = lastTerm;
  }

  get firstIndex(): bigint {
    const snapshot = this.unstable.snapshot;
    return snapshot === undefined ? this.#storage.firstIndex() : snapshot.index + 1n;
  }

  get lastIndex(): bigint {
    return this.unstable.lastIndex;
  }

  get lastTerm(): bigint {
    return this.#tailTerm;
  }

  /** Everything up to here is on the disk as it is in the log; at the end of a snapshot, once that is. */
  get durableIndex(): bigint {
    return this.unstable.offset - 1n;
  }

  /** The term of an entry; undefined when it is compacted or beyond the end. */
  term(index: bigint): bigint | undefined {
    if (index > this.lastIndex) return undefined;
    if (index >= this.#tailStart) return this.#tailTerm;
    if (index >= this.unstable.offset) return this.unstable.entry(index).term;
    const snapshot = this.unstable.snapshot;
    if (snapshot !== undefined) return index === snapshot.index ? snapshot.term : undefined;
    return this.#storage.term(index);
  }

  matches(index: bigint, term: bigint): boolean {
    return this.term(index) === term;
  }

  /** Is a log that ends so at least as up to date as this one? (Raft §5.4.1) */
  isUpToDate(lastIndex: bigint, lastTerm: bigint): boolean {
    return lastTerm > this.#tailTerm || (lastTerm === this.#tailTerm && lastIndex >= this.lastIndex);
  }

  /** The first of `entries` that is not in this log as it is; undefined when all are. */
  firstNew(entries: readonly Entry[]): number | undefined {
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i]!;
      if (entry.index > this.lastIndex || !this.matches(entry.index, entry.term)) return i;
    }
    return undefined;
  }

  push(entry: Entry): void {
    this.unstable.push(entry);
    if (entry.term !== this.#tailTerm) {
      assert(entry.term > this.#tailTerm, "terms in the log never go back");
      this.#tailTerm = entry.term;
      this.#tailStart = entry.index;
    }
  }

  /** Removes everything from `index` on, to be replaced at once; nothing committed is ever removed. */
  truncateFrom(index: bigint): void {
    if (index <= this.committed) {
      throw new AssertionError(`entry ${index} conflicts with the committed log (up to ${this.committed})`);
    }
    const term = this.term(index - 1n);
    assert(term !== undefined, "truncated to an unknown entry");
    this.unstable.truncateFrom(index);
    if (index <= this.#tailStart) {
      this.#tailStart = index - 1n;
      this.#tailTerm = term;
    }
  }

  /** Replaces the whole log by a snapshot; even entries after it are gone (hashicorp/raft#697). */
  restore(snapshot: SnapshotMetadata): void {
    assert(snapshot.index > this.committed, "a snapshot never takes the commit index back");
    this.unstable.restore(snapshot);
    this.committed = snapshot.index;
    this.#tailStart = snapshot.index;
    this.#tailTerm = snapshot.term;
  }

  commitTo(index: bigint): void {
    if (index <= this.committed) return;
    if (index > this.lastIndex) {
      throw new LostEntriesError(`commit index ${index} is beyond our last index ${this.lastIndex}`);
    }
    this.committed = index;
  }

  /** May a committed entry be handed out to be applied? Not while a snapshot is being installed. */
  hasCommittedToApply(): boolean {
    return this.handedOut < this.committed && this.unstable.snapshot === undefined;
  }

  nextCommitted(maxBytes: number): readonly Entry[] {
    if (!this.hasCommittedToApply()) return NO_ENTRIES;
    const entries = this.slice(this.handedOut + 1n, this.committed + 1n, maxBytes);
    assert(entries !== undefined, "committed entries were compacted before they were applied");
    return entries;
  }

  appliedTo(index: bigint): void {
    if (index <= this.applied) return;
    assert(index <= this.handedOut, "applied what was not handed out");
    this.applied = index;
  }

  /** A snapshot is installed: the state machine is at its index. */
  installed(snapshot: SnapshotMetadata): void {
    if (snapshot.index > this.handedOut) this.handedOut = snapshot.index;
    if (snapshot.index > this.applied) this.applied = snapshot.index;
  }

  /**
   * Entries [low, high): at least one, then no more than `maxBytes` of data; undefined when compacted.
   * May end early where what is durable ends and what is being written begins.
   */
  slice(low: bigint, high: bigint, maxBytes: number): readonly Entry[] | undefined {
    if (low >= high) return NO_ENTRIES;
    assert(high <= this.lastIndex + 1n, "slice beyond the end of the log");
    const offset = this.unstable.offset;
    if (low >= offset) return this.unstable.slice(low, high, maxBytes);
    if (low < this.firstIndex) return undefined;
    return this.#storage.entries(low, lower(high, offset), maxBytes);
  }

  /** The snapshot to send to a follower that is beyond the log. */
  snapshot(): SnapshotMetadata | undefined {
    return this.unstable.snapshot ?? this.#storage.snapshot();
  }

  /**
   * The highest index not above `index` whose term is not above `term`: the two logs cannot agree anywhere
   * between the two. Terms never go back along the log, so this is a binary search. Where the log is
   * compacted the term is 0n, which is unknown.
   */
  lastNotAfter(index: bigint, term: bigint): Agreement {
    let low = this.firstIndex - 1n;
    let high = lower(index, this.lastIndex);
    if (high < low) return { index: high, term: 0n };
    // Invariant: the term at low, unless compacted, is not above `term`, or low is the beginning.
    while (low < high) {
      const middle = (low + high + 1n) / 2n;
      if ((this.term(middle) ?? 0n) <= term) low = middle;
      else high = middle - 1n;
    }
    const found = this.term(low) ?? 0n;
    return found <= term ? { index: low, term: found } : { index: low - 1n, term: 0n };
  }
}

/** What others may know of a log: to read, not to change. */
export type LogView = Readonly<
  Pick<RaftLog, "committed" | "firstIndex" | "lastIndex" | "lastTerm" | "durableIndex" | "term" | "slice">
>;

import { assert } from "../assert.ts";
import type { Entry, HardState, SnapshotMetadata } from "./types.ts";

/** No entry of a write is left in the log: it had none, or all were replaced since. */
const NOTHING = -1n;

/** What one Ready handed out to be written; writes settle in the order of their tokens. */
interface Write {
  readonly token: bigint;
  readonly hardState: HardState | undefined;
  readonly snapshot: SnapshotMetadata | undefined;
  /** The last entry of this write that is still in the log as it was handed out, or {@link NOTHING}. */
  lastIndex: bigint;
}

/** What became durable when writes settled; the newest of each. */
export interface Settled {
  readonly hardState: HardState | undefined;
  readonly snapshot: SnapshotMetadata | undefined;
}

/**
 * The end of the log that is not known to be durable: what no Ready has handed out yet, and what is being
 * written.
 *
 * Several writes may be under way, and a later one may replace entries of an earlier one, even by entries
 * equal to those (the ABA problem that etcd-io/raft describes at newStorageAppendRespMsg). An entry is
 * therefore not recognised by its index and term but by the write that carries it: truncation takes entries
 * away from the writes under way, so a write that settles vouches only for what no later write touches.
 *
 * Invariant: entries[i].index === offset + i; everything below offset is durable or in the snapshot.
 */
export class Unstable {
  #offset: bigint;
  readonly #entries: Entry[] = [];
  /** So many of the entries were handed out. */
  #handedOut = 0;
  #snapshot: SnapshotMetadata | undefined;
  #snapshotHandedOut = false;
  readonly #writes: Write[] = [];

  constructor(durableLastIndex: bigint) {
    this.#offset = durableLastIndex + 1n;
  }

  /** The first index that is here, whether or not there is an entry. */
  get offset(): bigint {
    return this.#offset;
  }

  get lastIndex(): bigint {
    return this.#offset + BigInt(this.#entries.length) - 1n;
  }

  /** A snapshot that is not installed yet; the log begins after it. */
  get snapshot(): SnapshotMetadata | undefined {
    return this.#snapshot;
  }

  get writesUnderWay(): number {
    return this.#writes.length;
  }

  hasNext(): boolean {
    return this.#handedOut < this.#entries.length || this.hasNextSnapshot();
  }

  hasNextSnapshot(): boolean {
    return this.#snapshot !== undefined && !this.#snapshotHandedOut;
  }

  /** The entry at an index from `offset` to `lastIndex`. */
  entry(index: bigint): Entry {
    const entry = this.#entries[Number(index - this.#offset)];
    assert(entry !== undefined, "unstable: no entry there");
    return entry;
  }

  /** Appends one entry at the end. */
  push(entry: Entry): void {
    assert(entry.index === this.lastIndex + 1n, "unstable: gap before a new entry");
    this.#entries.push(entry);
  }

  /** Removes the entries from `index` on, here or below; what is to replace them must follow. */
  truncateFrom(index: bigint): void {
    if (index <= this.#offset) {
      this.#entries.length = 0;
      this.#offset = index;
    } else {
      this.#entries.length = Number(index - this.#offset);
    }
    if (this.#handedOut > this.#entries.length) this.#handedOut = this.#entries.length;
    for (const write of this.#writes) {
      if (write.lastIndex >= index) write.lastIndex = index - 1n;
    }
  }

  /** The log is replaced by a snapshot. */
  restore(snapshot: SnapshotMetadata): void {
    this.#entries.length = 0;
    this.#offset = snapshot.index + 1n;
    this.#handedOut = 0;
    this.#snapshot = snapshot;
    this.#snapshotHandedOut = false;
    for (const write of this.#writes) write.lastIndex = NOTHING;
  }

  /** The entries that no Ready has handed out yet. */
  nextEntries(): Entry[] {
    return this.#entries.slice(this.#handedOut);
  }

  nextSnapshot(): SnapshotMetadata | undefined {
    return this.hasNextSnapshot() ? this.#snapshot : undefined;
  }

  /** Everything that was next is handed out and being written. */
  accept(token: bigint, hardState: HardState | undefined): void {
    const carriesEntries = this.#handedOut < this.#entries.length;
    this.#writes.push({
      token,
      hardState,
      snapshot: this.nextSnapshot(),
      lastIndex: carriesEntries ? this.lastIndex : NOTHING,
    });
    this.#handedOut = this.#entries.length;
    if (this.#snapshot !== undefined) this.#snapshotHandedOut = true;
  }

  /** The write with this token, and all before it, are durable. */
  settle(token: bigint): Settled {
    let hardState: HardState | undefined;
    let snapshot: SnapshotMetadata | undefined;
    let durableIndex = NOTHING;
    let count = 0;
    for (const write of this.#writes) {
      if (write.token > token) break;
      if (write.hardState !== undefined) hardState = write.hardState;
      if (write.snapshot !== undefined) snapshot = write.snapshot;
      if (write.lastIndex > durableIndex) durableIndex = write.lastIndex;
      count++;
    }
    this.#writes.splice(0, count);
    if (snapshot !== undefined && snapshot === this.#snapshot) this.#snapshot = undefined;
    if (durableIndex >= this.#offset) this.#dropTo(durableIndex);
    return { hardState, snapshot };
  }

  #dropTo(index: bigint): void {
    const count = Number(index - this.#offset) + 1;
    assert(count <= this.#handedOut, "unstable: durable before it was handed out");
    this.#entries.splice(0, count);
    this.#handedOut -= count;
    this.#offset = index + 1n;
  }

  /** Entries [low, high) that are all here; at least one, then no more than `maxBytes` of data. */
  slice(low: bigint, high: bigint, maxBytes: number): Entry[] {
    const start = Number(low - this.#offset);
    const end = Number(high - this.#offset);
    assert(start >= 0 && start <= end && end <= this.#entries.length, "unstable: slice out of bounds");
    let bytes = 0;
    let stop = start;
    while (stop < end) {
      bytes += this.#entries[stop]!.data.length;
      if (bytes > maxBytes && stop > start) break;
      stop++;
    }
    return this.#entries.slice(start, stop);
  }
}

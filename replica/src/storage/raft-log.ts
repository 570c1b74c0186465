import { assert } from "../assert.ts";
import type { Entry, HardState, InitialState, SnapshotMetadata } from "../raft/types.ts";
import type { Environment } from "./environment.ts";
import { LogCache } from "./log-cache.ts";
import { type LogPoint, PendingWrite } from "./log-pending.ts";
import { decodeLogRecord, encodeLogRecord, entryBytes, entryKey, type LogRecord } from "./log-record.ts";
import {
  baseConfigurationKey,
  boundsKey,
  earlier,
  encodeBaseConfiguration,
  encodeBounds,
  encodeIdentity,
  identityKey,
  type LogBounds,
  later,
} from "./log-state.ts";
import type { EngineTable } from "./machine.types.ts";
import type { DurableLog, DurablePosition, LogAppend, StorageIdentity, StorageUsage } from "./types.ts";

/** Entries that one transaction forgets at most, so that compaction delays no append for long. */
const compactionStepEntries = 512;

/** What `store/` holds durably; the log asks when the core starts and before it forgets anything. */
export interface DurableApplied {
  readonly initial: () => Omit<InitialState, "hardState">;
  /** The applied index that is on disk, and the configuration in force there as bytes. */
  readonly applied: () => {
    readonly index: bigint;
    readonly configurationIndex: bigint;
    readonly configuration: Uint8Array;
  };
}

export interface RaftLogOptions {
  readonly environment: Environment;
  readonly bounds: LogBounds;
  readonly identity: StorageIdentity;
  readonly cacheMaxBytes: number;
  readonly durableApplied: DurableApplied;
  /** Called when so many entries became durable in one transaction. */
  readonly onFlushed?: ((entries: number) => void) | undefined;
  /** Called when a compaction has ended, with what must not go back. */
  readonly onCompacted: () => Promise<void>;
}

/**
 * The log of `raft/`. One asynchronous transaction is under way at a time; everything that is asked for
 * meanwhile goes into the next one. What reads show moves forward only when a transaction is on disk.
 */
export class RaftLog implements DurableLog {
  readonly #options: RaftLogOptions;
  readonly #entries: EngineTable;
  readonly #meta: EngineTable;
  readonly #cache: LogCache;
  #bounds: LogBounds;
  #identity: StorageIdentity;
  /** As they will be when all that is asked for is durable. */
  #nextIdentity: StorageIdentity;
  #nextHardState: HardState;
  #pending = new PendingWrite();
  /** False in the same step in which the last transaction ends, or a write that comes then would be lost. */
  #busy = false;
  #writing: Promise<void> = Promise.resolve();
  #snapshot: SnapshotMetadata | undefined;
  #compaction: { through: bigint; waiters: PendingWrite } | undefined;

  constructor(options: RaftLogOptions) {
    this.#options = options;
    this.#entries = options.environment.table("log");
    this.#meta = options.environment.table("meta");
    this.#bounds = options.bounds;
    this.#identity = options.identity;
    this.#nextIdentity = options.identity;
    this.#nextHardState = options.bounds.hardState;
    this.#cache = new LogCache(options.cacheMaxBytes);
    this.#cache.clear(options.bounds.lastIndex + 1n);
  }

  get identity(): StorageIdentity {
    return this.#identity;
  }

  get bounds(): LogBounds {
    return this.#bounds;
  }

  initialState(): InitialState {
    const { appliedIndex, configuration } = this.#options.durableApplied.initial();
    const { hardState, baseIndex } = this.#bounds;
    assert(appliedIndex >= baseIndex, "the log does not follow on the store: a snapshot is needed first");
    // A crash between the install of a snapshot and the reset of the log leaves the commit behind.
    const commit = later(hardState.commit, appliedIndex);
    return { hardState: { ...hardState, commit }, configuration, appliedIndex };
  }

  firstIndex(): bigint {
    return this.#bounds.baseIndex + 1n;
  }

  lastIndex(): bigint {
    return this.#bounds.lastIndex;
  }

  term(index: bigint): bigint | undefined {
    const { baseIndex, baseTerm, lastIndex, lastTerm } = this.#bounds;
    if (index < baseIndex || index > lastIndex) return undefined;
    if (index === lastIndex) return lastTerm;
    if (index === baseIndex) return baseTerm;
    return (this.#cache.at(index) ?? this.#read(index).entry).term;
  }

  entries(low: bigint, high: bigint, maxBytes: number): Entry[] {
    const { baseIndex, lastIndex } = this.#bounds;
    assert(low > baseIndex, `entries from ${low} are compacted, the log begins after ${baseIndex}`);
    assert(low < high && high <= lastIndex + 1n, `entries [${low}, ${high}) reach beyond ${lastIndex}`);
    const found: Entry[] = [];
    let bytes = 0;
    for (let index = low; index < high; index++) {
      const entry = this.#cache.at(index) ?? this.#read(index).entry;
      bytes += entry.data.byteLength;
      if (found.length > 0 && bytes > maxBytes) break;
      found.push(entry);
    }
    return found;
  }

  snapshot(): SnapshotMetadata | undefined {
    return this.#snapshot;
  }

  offerSnapshot(snapshot: SnapshotMetadata | undefined): void {
    this.#snapshot = snapshot;
  }

  durablePosition(): DurablePosition {
    const { hardState, lastIndex } = this.#bounds;
    return { term: hardState.term, lastIndex, commit: hardState.commit };
  }

  bytesAfter(index: bigint): number {
    const { baseIndex, lastIndex, lastPosition } = this.#bounds;
    if (index >= lastIndex) return 0;
    return Number(lastPosition - this.#position(later(index, baseIndex)));
  }

  indexLeaving(limits: { readonly entries: number; readonly bytes: number }): bigint {
    const { baseIndex, lastIndex } = this.#bounds;
    let low = later(lastIndex - BigInt(limits.entries), baseIndex);
    let high = lastIndex;
    if (this.bytesAfter(low) <= limits.bytes) return low;
    while (low < high) {
      const middle = (low + high) / 2n;
      if (this.bytesAfter(middle) > limits.bytes) low = middle + 1n;
      else high = middle;
    }
    return low;
  }

  usage(): StorageUsage {
    return this.#options.environment.usage();
  }

  /** Fills the cache with the newest entries, up to so many bytes, and verifies them on the way. */
  warm(maxBytes: number): void {
    const first = this.indexLeaving({ entries: 1_000_000, bytes: maxBytes }) + 1n;
    this.#cache.clear(first);
    for (let index = first; index <= this.#bounds.lastIndex; index++)
      this.#cache.push(this.#read(index).entry);
  }

  #position(index: bigint): bigint {
    const { baseIndex, basePosition, lastIndex, lastPosition } = this.#bounds;
    if (index === baseIndex) return basePosition;
    return index === lastIndex ? lastPosition : this.#read(index).position;
  }

  #read(index: bigint): LogRecord {
    const key = entryKey(index);
    let record: Buffer | undefined;
    try {
      record = this.#entries.get(key);
    } catch (cause) {
      throw this.#options.environment.options.damaged(`entry ${index} cannot be read`, cause);
    }
    if (!record) throw this.#options.environment.options.damaged(`entry ${index} is missing`);
    const decoded = decodeLogRecord(key, record);
    if (decoded === "format") {
      throw this.#options.environment.options.gate.raise(
        "unknownFormat",
        `raft/: entry ${index} has an unknown format`,
      );
    }
    if (decoded === "checksum")
      throw this.#options.environment.options.damaged(`entry ${index} does not match its checksum`);
    return decoded;
  }

  append(append: LogAppend): Promise<void> {
    if (append.hardState) this.#goForward(append.hardState);
    return this.#enqueue((pending) => pending.append(append));
  }

  reset(point: LogPoint): Promise<void> {
    return this.#enqueue((pending) => pending.reset(point));
  }

  /** Writes a changed identity, in the same transaction as `append` if given. */
  writeIdentity(change: Partial<StorageIdentity>, append?: LogAppend): Promise<void> {
    if (append?.hardState) this.#goForward(append.hardState);
    const identity = { ...this.#nextIdentity, ...change };
    this.#nextIdentity = identity;
    return this.#enqueue((pending) => {
      pending.identity = identity;
      if (append) pending.append(append);
    });
  }

  /** Term and commit never go back, and a term has one vote (B1): a core that asks otherwise is broken. */
  #goForward(next: HardState): void {
    const { term, vote, commit } = this.#nextHardState;
    assert(next.term >= term, `the term goes back from ${term} to ${next.term}`);
    assert(next.commit >= commit, `the commit index goes back from ${commit} to ${next.commit}`);
    assert(next.term > term || vote === 0n || next.vote === vote, `a second vote in term ${term}`);
    this.#nextHardState = next;
  }

  #enqueue(change: (pending: PendingWrite) => void): Promise<void> {
    const { failure } = this.#options.environment.options.gate;
    if (failure) return Promise.reject(failure);
    change(this.#pending);
    const done = new Promise<void>((resolve, reject) => void this.#pending.waiters.push({ resolve, reject }));
    this.#startWriting();
    return done;
  }

  compact(throughIndex: bigint): Promise<void> {
    const { applied } = this.#options.durableApplied;
    const { index, configurationIndex, configuration } = applied();
    assert(
      throughIndex <= index,
      `compaction through ${throughIndex} goes beyond ${index}, which is applied`,
    );
    // A leader applies what the others have on disk while its own write is still under way.
    const through = earlier(throughIndex, this.#bounds.lastIndex);
    if (through <= this.#bounds.baseIndex) return Promise.resolve();
    this.#compaction ??= { through, waiters: new PendingWrite() };
    const compaction = this.#compaction;
    compaction.through = later(compaction.through, through);
    this.#pending.baseConfiguration = { index: configurationIndex, configuration };
    const done = new Promise<void>((resolve, reject) => {
      compaction.waiters.waiters.push({ resolve, reject });
    });
    this.#startWriting();
    return done;
  }

  #startWriting(): void {
    if (this.#busy) return;
    this.#busy = true;
    this.#writing = this.#write();
  }

  /** Resolves when nothing is under way; for closing. */
  async idle(): Promise<void> {
    while (this.#busy) await this.#writing;
  }

  close(): Promise<void> {
    return this.#options.environment.close();
  }

  async #write(): Promise<void> {
    while (!this.#pending.empty || this.#compaction) {
      const pending = this.#pending;
      const compaction = this.#compaction;
      this.#pending = new PendingWrite();
      try {
        const next = this.#nextBounds(pending);
        await this.#options.environment.commit(() => this.#queue(pending, next));
        this.#show(pending, next);
        if (pending.entries.length > 0) this.#options.onFlushed?.(pending.entries.length);
      } catch (error) {
        this.#abandon([pending, this.#pending, ...(compaction ? [compaction.waiters] : [])], error);
        break;
      }
      if (compaction && this.#bounds.baseIndex >= compaction.through) this.#endCompaction(compaction.waiters);
      pending.settle();
    }
    this.#busy = false;
  }

  #endCompaction(waiters: PendingWrite): void {
    this.#compaction = undefined;
    this.#options.onCompacted().then(
      () => waiters.settle(),
      (error: unknown) => waiters.settle(error),
    );
  }

  #abandon(writes: readonly PendingWrite[], error: unknown): void {
    this.#pending = new PendingWrite();
    this.#compaction = undefined;
    for (const write of writes) write.settle(error);
  }

  #nextBounds(pending: PendingWrite): LogBounds {
    let next = this.#bounds;
    if (pending.resetTo) {
      const { index, term } = pending.resetTo;
      const position = next.lastPosition;
      next = {
        hardState: next.hardState,
        baseIndex: index,
        baseTerm: term,
        basePosition: position,
        lastIndex: index,
        lastTerm: term,
        lastPosition: position,
      };
    }
    const first = pending.entries[0];
    if (first) {
      const { baseIndex, lastIndex } = next;
      assert(first.index > baseIndex && first.index <= lastIndex + 1n, `a gap before index ${first.index}`);
      let position = pending.resetTo ? next.basePosition : this.#position(first.index - 1n);
      for (const entry of pending.entries) position += BigInt(entryBytes(entry));
      const last = pending.entries.at(-1)!;
      next = { ...next, lastIndex: last.index, lastTerm: last.term, lastPosition: position };
    }
    next = { ...next, hardState: hardStateAfter(pending, next) };
    return this.#compactedBounds(pending, next);
  }

  #compactedBounds(pending: PendingWrite, next: LogBounds): LogBounds {
    const through = this.#compaction?.through;
    if (through === undefined || through <= next.baseIndex || pending.resetTo) return next;
    const step = next.baseIndex + BigInt(compactionStepEntries);
    // Nothing that this transaction itself replaces: `through` is applied, so it stays below.
    const baseIndex = step < through ? step : through;
    const { entry, position } = this.#read(baseIndex);
    return { ...next, baseIndex, baseTerm: entry.term, basePosition: position };
  }

  /** Runs inside the batch that becomes one transaction. */
  #queue(pending: PendingWrite, next: LogBounds): void {
    const first = pending.entries[0];
    if (pending.resetTo) {
      this.#entries.clear();
    } else {
      for (let i = this.#bounds.baseIndex + 1n; i <= next.baseIndex; i++) this.#entries.remove(entryKey(i));
      for (let i = next.lastIndex + 1n; first && i <= this.#bounds.lastIndex; i++) {
        this.#entries.remove(entryKey(i));
      }
    }
    let position = 0n;
    if (first) position = pending.resetTo ? next.basePosition : this.#position(first.index - 1n);
    for (const entry of pending.entries) {
      position += BigInt(entryBytes(entry));
      const key = entryKey(entry.index);
      this.#entries.put(key, encodeLogRecord(key, entry, position));
    }
    if (pending.identity) this.#meta.put(identityKey, encodeIdentity(pending.identity));
    if (pending.baseConfiguration) {
      this.#meta.put(baseConfigurationKey, encodeBaseConfiguration(pending.baseConfiguration));
    }
    this.#meta.put(boundsKey, encodeBounds(next));
  }

  /** The transaction is on disk: reads show it from here on. */
  #show(pending: PendingWrite, next: LogBounds): void {
    this.#bounds = next;
    if (pending.identity) this.#identity = pending.identity;
    if (pending.resetTo) this.#cache.clear(pending.resetTo.index + 1n);
    const first = pending.entries[0];
    if (first) this.#cache.truncateFrom(first.index);
    for (const entry of pending.entries) this.#cache.push(entry);
    this.#cache.dropThrough(next.baseIndex);
  }
}

function hardStateAfter({ hardState: asked }: PendingWrite, next: LogBounds): HardState {
  const hardState = asked ?? next.hardState;
  // What a snapshot holds is committed.
  return { ...hardState, commit: later(hardState.commit, next.baseIndex) };
}

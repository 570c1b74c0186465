import { assert } from "../assert.ts";
import { decodeConfiguration } from "./confchange/codec.ts";
import { EMPTY_CONFIGURATION } from "./confchange/configuration.ts";
import type { MemoryStorage } from "./memory-storage.ts";
import { RawNode } from "./raw-node.ts";
import type {
  Entry,
  HardState,
  IndexedConfiguration,
  LogStorage,
  MemberId,
  Message,
  RaftOptions,
  Ready,
  SnapshotMetadata,
} from "./types.ts";

/** Small limits, so that short schedules meet all of them. */
export const scheduleLimits = {
  electionTimeoutTicks: 10,
  heartbeatTicks: 2,
  appendMaxBytes: 60,
  inflightMaxMessages: 3,
  inflightMaxBytes: 150,
  uncommittedMaxBytes: 400,
  proposalMaxBytes: 300,
  committedMaxBytes: 80,
  pendingReadsMax: 6,
  promoteMaxLagEntries: 6n,
  leaverMaxTicks: 60,
} as const satisfies Omit<RaftOptions, "id" | "random">;

/** One Ready on its way to the disk. */
export interface PendingWrite {
  readonly token: bigint | undefined;
  readonly hardState: HardState | undefined;
  readonly snapshot: SnapshotMetadata | undefined;
  readonly entries: readonly Entry[];
  readonly messages: readonly Message[];
}

export interface MemberOptions {
  readonly id: MemberId;
  readonly random: () => number;
  /** What was handed out to be written can be read back at once; otherwise only when it is durable. */
  readonly readsPending: boolean;
}

const NO_CONFIGURATION: IndexedConfiguration = { index: 0n, configuration: EMPTY_CONFIGURATION };

/**
 * A core with a disk that takes its time. `durable` is what a crash leaves; `written` is that and all writes
 * under way. The state machine is its applied index and the configuration there.
 */
export class ScheduleMember {
  readonly id: MemberId;
  readonly #options: MemberOptions;
  durable: MemoryStorage;
  written: MemoryStorage;
  node: RawNode | undefined;
  /** Counts the starts. */
  incarnation = 0;
  pending: PendingWrite[] = [];
  /** Committed entries that the state machine has not applied yet. */
  applyQueue: Entry[] = [];
  applied = 0n;
  appliedConfiguration = NO_CONFIGURATION;
  /** Of the entry at the durable applied index. */
  appliedTerm: bigint;
  /** The last index handed out to be applied, or stood for by a snapshot that was. */
  handedOut = 0n;
  /** Of what was handed out to be written. */
  hardState: HardState;
  /** The configurations in `written` that are not compacted, with the one before; the last is in force. */
  configurations: IndexedConfiguration[] = [];
  pausedRounds = 0;
  /** Ticks that come at once when a pause ends. */
  missedTicks = 0;
  /** Bears the cluster's stamp: until then it answers no vote. */
  stamped: boolean;

  constructor(options: MemberOptions, disk: MemoryStorage, stamped: boolean) {
    this.id = options.id;
    this.#options = options;
    this.durable = disk;
    this.written = disk.clone();
    const { hardState, appliedIndex } = disk.initialState();
    this.hardState = hardState;
    this.appliedTerm = disk.term(appliedIndex) ?? 0n;
    this.stamped = stamped;
  }

  get up(): boolean {
    return this.node !== undefined;
  }

  get configuration(): IndexedConfiguration {
    return this.configurations.at(-1) ?? NO_CONFIGURATION;
  }

  get storage(): LogStorage {
    return this.#options.readsPending ? this.written : this.durable;
  }

  start(): void {
    assert(this.node === undefined, "started twice");
    this.#repair();
    this.written = this.durable.clone();
    const { hardState, configuration, appliedIndex } = this.durable.initialState();
    this.hardState = hardState;
    this.applied = appliedIndex;
    this.handedOut = appliedIndex;
    this.appliedConfiguration = configuration;
    this.configurations = [configuration, ...configurationsAfter(this.durable, appliedIndex)];
    this.incarnation += 1;
    const { id, random } = this.#options;
    this.node = new RawNode({ ...scheduleLimits, id, random }, this.storage);
  }

  /** What a replica does before it starts the core: a state machine ahead of the log replaces the log. */
  #repair(): void {
    const { configuration, appliedIndex } = this.durable.initialState();
    if (this.durable.term(appliedIndex) === this.appliedTerm) return;
    this.durable.installSnapshot({ index: appliedIndex, term: this.appliedTerm, configuration });
  }

  /**
   * Ends it; of the writes under way the first `survivors` reach the disk, as far as a crash lets them. With
   * `torn` the next may have put a snapshot in its place, and no more: that is two files.
   */
  crash(survivors: number, torn: boolean, complete: (write: PendingWrite) => void): void {
    for (const write of this.pending.slice(0, survivors)) complete(write);
    const next = this.pending[survivors];
    if (torn && next?.snapshot !== undefined) {
      complete({ ...next, hardState: undefined, entries: [], messages: [] });
    }
    this.node = undefined;
    this.pending = [];
    this.applyQueue = [];
    this.pausedRounds = 0;
  }

  /** Takes what a Ready hands out; the caller sends its messages. */
  accept(ready: Ready): void {
    if (ready.hardState !== undefined) this.hardState = ready.hardState;
    this.written.write(ready);
    if (ready.snapshot !== undefined) {
      this.configurations = [ready.snapshot.configuration];
      this.handedOut = ready.snapshot.index;
      const { index } = ready.snapshot;
      this.applyQueue = this.applyQueue.filter((entry) => entry.index > index);
    }
    const first = ready.entries[0];
    if (first !== undefined) {
      while ((this.configurations.at(-1)?.index ?? 0n) >= first.index) this.configurations.pop();
      this.configurations.push(...configurationsIn(ready.entries));
    }
    const { appendToken: token, hardState, snapshot, entries, messagesAfterAppend: messages } = ready;
    if (token !== undefined || messages.length > 0) {
      this.pending.push({ token, hardState, snapshot, entries, messages });
    }
    this.applyQueue.push(...ready.committedEntries);
    const last = ready.committedEntries.at(-1);
    if (last !== undefined) this.handedOut = last.index;
  }

  /** A write has reached the disk. */
  complete(write: PendingWrite): void {
    this.durable.write(write);
    if (write.snapshot === undefined) return;
    this.applied = write.snapshot.index;
    this.appliedTerm = write.snapshot.term;
    this.appliedConfiguration = write.snapshot.configuration;
  }

  get installing(): boolean {
    return this.pending.some((write) => write.snapshot !== undefined);
  }

  /** Applies up to `count` entries and returns them. */
  apply(count: number): Entry[] {
    if (this.installing) return [];
    const entries = this.applyQueue.splice(0, count);
    for (const entry of entries) {
      this.applied = entry.index;
      if (entry.type === "configuration") this.appliedConfiguration = configurationOf(entry);
    }
    return entries;
  }

  /** The state machine's own disk catches up with what it has applied; `term` is that of the last entry. */
  flush(term: bigint): void {
    if (this.installing) return;
    this.appliedTerm = term;
    this.durable.setApplied(this.applied, this.appliedConfiguration);
    if (this.written.initialState().appliedIndex < this.applied) {
      this.written.setApplied(this.applied, this.appliedConfiguration);
    }
  }

  /** Takes a snapshot of what the state machine's disk holds. */
  takeSnapshot(): void {
    for (const storage of this.#settled()) storage.createSnapshot();
  }

  /** Compacts the log, all but the last `retained` entries that the state machine's disk holds. */
  compact(retained: bigint): void {
    for (const storage of this.#settled()) {
      const to = storage.initialState().appliedIndex - retained;
      if (to > 0n) storage.compact(to);
    }
  }

  /** The disk and what is being written to it, if the log has the entry that was applied last. */
  #settled(): MemoryStorage[] {
    const { appliedIndex } = this.durable.initialState();
    if (this.installing || this.durable.term(appliedIndex) !== this.appliedTerm) return [];
    return [this.durable, this.written].filter(
      (storage) => storage.initialState().appliedIndex === appliedIndex,
    );
  }
}

/** Decodes a configuration entry. */
export function configurationOf(entry: Entry): IndexedConfiguration {
  return { index: entry.index, configuration: decodeConfiguration(entry.data) };
}

function configurationsIn(entries: readonly Entry[]): IndexedConfiguration[] {
  return entries.filter(({ type }) => type === "configuration").map(configurationOf);
}

function configurationsAfter(disk: MemoryStorage, applied: bigint): IndexedConfiguration[] {
  const low = applied + 1n;
  const high = disk.lastIndex() + 1n;
  return low < high ? configurationsIn(disk.entries(low, high, Number.MAX_SAFE_INTEGER)) : [];
}

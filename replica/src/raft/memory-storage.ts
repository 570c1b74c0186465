import { assert } from "../assert.ts";
import { encodeConfiguration } from "./confchange/codec.ts";
import { EMPTY_CONFIGURATION } from "./confchange/configuration.ts";
import type {
  Configuration,
  Entry,
  HardState,
  IndexedConfiguration,
  InitialState,
  LogStorage,
  Ready,
  SnapshotMetadata,
} from "./types.ts";

const EMPTY_HARD_STATE: HardState = { term: 0n, vote: 0n, commit: 0n };

/**
 * A log in memory: the reference for what {@link LogStorage} means, and the disk of tests and simulations.
 * A crash is a new RawNode on the same storage, or on a `clone` taken earlier.
 */
export class MemoryStorage implements LogStorage {
  #hardState = EMPTY_HARD_STATE;
  /** The end of what was compacted, or of the snapshot that was installed. */
  #base = { index: 0n, term: 0n };
  #entries: Entry[] = [];
  #snapshot: SnapshotMetadata | undefined;
  #applied = 0n;
  #configuration: IndexedConfiguration = { index: 0n, configuration: EMPTY_CONFIGURATION };

  /**
   * A disk on which a cluster is born: its first entry carries the first configuration and is committed. All
   * members of a cluster that begins with several start from the same.
   */
  static bootstrapped(configuration: Configuration): MemoryStorage {
    const storage = new MemoryStorage();
    const data = encodeConfiguration(configuration);
    storage.append([{ term: 1n, index: 1n, type: "configuration", data }]);
    storage.setHardState({ term: 1n, vote: 0n, commit: 1n });
    return storage;
  }

  clone(): MemoryStorage {
    const copy = new MemoryStorage();
    copy.#hardState = this.#hardState;
    copy.#base = { ...this.#base };
    copy.#entries = [...this.#entries];
    copy.#snapshot = this.#snapshot;
    copy.#applied = this.#applied;
    copy.#configuration = this.#configuration;
    return copy;
  }

  initialState(): InitialState {
    return {
      hardState: this.#hardState,
      configuration: this.#configuration,
      appliedIndex: this.#applied,
    };
  }

  firstIndex(): bigint {
    return this.#base.index + 1n;
  }

  lastIndex(): bigint {
    return this.#base.index + BigInt(this.#entries.length);
  }

  term(index: bigint): bigint | undefined {
    if (index === this.#base.index) return this.#base.term;
    return index < this.#base.index ? undefined : this.#entries[this.#position(index)]?.term;
  }

  entries(low: bigint, high: bigint, maxBytes: number): Entry[] {
    assert(low > this.#base.index, `entries from ${low} are compacted up to ${this.#base.index}`);
    assert(low < high && high <= this.lastIndex() + 1n, `no entries [${low}, ${high})`);
    const start = this.#position(low);
    const end = this.#position(high);
    let bytes = 0;
    let stop = start;
    while (stop < end) {
      bytes += this.#entries[stop]!.data.length;
      if (bytes > maxBytes && stop > start) break;
      stop++;
    }
    return this.#entries.slice(start, stop);
  }

  snapshot(): SnapshotMetadata | undefined {
    return this.#snapshot;
  }

  setHardState(hardState: HardState): void {
    const { term, commit } = this.#hardState;
    assert(hardState.term >= term && hardState.commit >= commit, "hard state never goes back");
    this.#hardState = hardState;
  }

  /** Writes entries in place of whatever is there from the first of them on. */
  append(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    assert(first.index > this.#base.index, "append to what is compacted");
    assert(first.index <= this.lastIndex() + 1n, "append leaves a gap");
    this.#entries.length = this.#position(first.index);
    this.#entries.push(...entries);
  }

  /** Writes what a Ready says has to be durable, in its order. */
  write(ready: Pick<Ready, "hardState" | "snapshot" | "entries">): void {
    if (ready.hardState !== undefined) this.setHardState(ready.hardState);
    if (ready.snapshot !== undefined) this.installSnapshot(ready.snapshot);
    this.append(ready.entries);
  }

  /** The log becomes empty and begins after the snapshot; the state machine is at its index. */
  installSnapshot(snapshot: SnapshotMetadata): void {
    this.#base = { index: snapshot.index, term: snapshot.term };
    this.#entries = [];
    this.#snapshot = snapshot;
    this.#applied = snapshot.index;
    this.#configuration = snapshot.configuration;
  }

  /** The state machine is durable up to `index`, where `configuration` is in force. */
  setApplied(index: bigint, configuration: IndexedConfiguration): void {
    assert(index >= this.#applied, "applied never goes back");
    this.#applied = index;
    this.#configuration = configuration;
  }

  /** Offers a snapshot of the state machine as it is at the applied index. */
  createSnapshot(): SnapshotMetadata {
    const term = this.term(this.#applied);
    assert(term !== undefined, "snapshot of an unknown entry");
    this.#snapshot = { index: this.#applied, term, configuration: this.#configuration };
    return this.#snapshot;
  }

  /** Removes entries up to and with `index`, which must be applied. */
  compact(index: bigint): void {
    assert(index <= this.#applied, "compacted beyond the applied index");
    if (index <= this.#base.index) return;
    const term = this.term(index);
    assert(term !== undefined, "compacted beyond the end");
    this.#entries = this.#entries.slice(this.#position(index) + 1);
    this.#base = { index, term };
  }

  #position(index: bigint): number {
    return Number(index - this.#base.index) - 1;
  }
}

import { assert } from "../assert.ts";
import { NO_BYTES } from "../mvcc/bytes.ts";
import { DELETE_MAX_KEYS, ENTRY_DELETE_MAX_KEYS, OVERLAY_FREEZE_BYTES } from "../mvcc/limits.ts";
import type { FrozenBatch } from "../mvcc/overlay.ts";
import { Store } from "../mvcc/store.ts";
import type { Configuration, Entry, IndexedConfiguration } from "../raft/types.ts";
import type { KvReader } from "../storage/kv-backend.types.ts";
import { appliedKey, decodeStoreMeta, encodeStoreMeta, type StoreMeta } from "../storage/store-meta.ts";
import { decodeCommandBatch, type StateHash } from "./command.ts";
import { Members } from "./members.ts";
import type { WriteOperation, WriteResult } from "./operation.ts";
import { StateHashes } from "./state-hashes.ts";

export interface ApplierOptions {
  /** What is durable; the applier continues from there. */
  readonly backend: KvReader;
  /** Of the disk; the store's must be the same. */
  readonly clusterId: bigint;
  readonly decodeConfiguration: (data: Uint8Array) => Configuration;
  /**
   * What the log held already is applied without comparing its state hashes: one that was wrong would end this
   * member at each start, and never let it elect another leader.
   */
  readonly comparedAfter?: bigint;
  /** Memory for states of keys used lately. */
  readonly cacheMaxBytes?: number;
}

export interface AppliedEntry {
  readonly index: bigint;
  readonly term: bigint;
  /** One for each operation, in order; none for an empty entry or a configuration. */
  readonly results: readonly WriteResult[];
  /** The configuration that this entry commits. */
  readonly configuration: IndexedConfiguration | undefined;
}

/** A batch to commit, and where the store is once it is durable. */
export interface AppliedBatch extends FrozenBatch {
  readonly appliedIndex: bigint;
}

const NO_RESULTS: readonly WriteResult[] = [];

/**
 * Applies committed entries, in order, to the store and the members. Deterministic: the same entries give the
 * same records, answers and hash on every member. The applied index goes to disk in one transaction with what
 * it stands for (B8), so after a crash applying goes on exactly where the disk is.
 *
 * The owner decides when: `freeze` hands out a batch for KvBackend.commit, `release` says that it is durable.
 */
export class Applier {
  readonly store: Store;
  readonly members: Members;
  readonly #decodeConfiguration: (data: Uint8Array) => Configuration;
  readonly #clusterId: bigint;
  readonly #clusterVersion: number;
  #appliedIndex: bigint;
  #appliedTerm: bigint;
  /** As in its entry: kept as it is, so that it is stored as it is. */
  #configurationData: Uint8Array;
  readonly #hashes = new StateHashes();
  readonly #comparedAfter: bigint;
  #frozenIndex: bigint;
  #durableIndex: bigint;

  /** Throws UnknownFormatError, or a FatalError of the backend. */
  constructor(options: ApplierOptions) {
    const { backend, clusterId, decodeConfiguration } = options;
    const record = backend.get("meta", appliedKey);
    const meta = record === undefined ? blankMeta(clusterId) : decodeStoreMeta(record);
    assert(meta.clusterId === clusterId, "the store is of the disk's cluster");
    const { cacheMaxBytes } = options;
    this.store = new Store(backend, cacheMaxBytes === undefined ? {} : { cacheMaxBytes });
    this.#decodeConfiguration = decodeConfiguration;
    this.#clusterId = clusterId;
    this.#comparedAfter = options.comparedAfter ?? 0n;
    this.#clusterVersion = meta.clusterVersion;
    this.#appliedIndex = meta.appliedIndex;
    this.#appliedTerm = meta.appliedTerm;
    this.#configurationData = meta.configuration;
    this.#frozenIndex = meta.appliedIndex;
    this.#durableIndex = meta.appliedIndex;
    this.members = new Members(this.store.overlay, this.#initialConfiguration(meta));
  }

  #initialConfiguration(meta: StoreMeta): IndexedConfiguration | undefined {
    if (meta.configurationIndex === 0n) return undefined;
    return { index: meta.configurationIndex, configuration: this.#decodeConfiguration(meta.configuration) };
  }

  get appliedIndex(): bigint {
    return this.#appliedIndex;
  }

  get appliedTerm(): bigint {
    return this.#appliedTerm;
  }

  /** Up to here everything is durable in the backend. */
  get durableAppliedIndex(): bigint {
    return this.#durableIndex;
  }

  /** Raised through the log once every member supports what it switches on. */
  get clusterVersion(): number {
    return this.#clusterVersion;
  }

  /** Committed and applied; undefined before the first. */
  get configuration(): IndexedConfiguration | undefined {
    return this.members.configuration;
  }

  /** Members that applied up to the same index have the same hash, or have diverged (B14). */
  get stateHash(): StateHash {
    return { appliedIndex: this.#appliedIndex, hash: this.store.rollingHash };
  }

  /** The newest for the others to compare with. */
  get comparableStateHash(): StateHash | undefined {
    return this.#hashes.newest;
  }

  /** Memory that the overlay takes, about. */
  get overlayBytes(): number {
    return this.store.overlay.bytes;
  }

  /** Enough gathered for a batch. */
  get freezeDue(): boolean {
    return this.store.overlay.activeBytes >= OVERLAY_FREEZE_BYTES;
  }

  /** Nothing may be applied until a batch was released. */
  get overlayFull(): boolean {
    return this.store.overlay.full;
  }

  /**
   * Applies entries that follow the applied index. Throws UnknownCommandError on what a newer version wrote,
   * DivergedError where the state is not the leader's: the process must end, and nothing frozen after it may
   * be committed.
   */
  apply(entries: readonly Entry[]): AppliedEntry[] {
    const applied: AppliedEntry[] = [];
    for (let i = 0; i < entries.length; i++) applied.push(this.#applyEntry(entries[i]!));
    return applied;
  }

  #applyEntry(entry: Entry): AppliedEntry {
    const { index, term } = entry;
    assert(index === this.#appliedIndex + 1n, "entries are applied in order, each once");
    assert(term >= this.#appliedTerm, "terms do not go back in the log");
    this.store.mixEntry(index, term, entry.type === "configuration" ? entry.data : NO_BYTES);
    let results = NO_RESULTS;
    let configuration: IndexedConfiguration | undefined;
    if (entry.type === "configuration") {
      configuration = { index, configuration: this.#decodeConfiguration(entry.data) };
      this.members.apply(configuration);
      this.#configurationData = entry.data;
    } else if (entry.data.length > 0) {
      results = this.#applyCommands(entry);
    }
    this.#appliedIndex = index;
    this.#appliedTerm = term;
    if (StateHashes.isDue(index)) this.#hashes.add(this.stateHash);
    return { index, term, results, configuration };
  }

  #applyCommands({ index, data }: Entry): readonly WriteResult[] {
    const { operations, stateHash } = decodeCommandBatch(data);
    if (stateHash !== undefined && index > this.#comparedAfter) this.#hashes.compare(stateHash);
    const results: WriteResult[] = [];
    let rangeKeysLeft = ENTRY_DELETE_MAX_KEYS;
    for (let i = 0; i < operations.length; i++) {
      const operation = operations[i]!;
      const result = this.#applyOperation(operation, rangeKeysLeft);
      if (result.type === "delete" && isRangeDelete(operation)) rangeKeysLeft -= result.deleted;
      results.push(result);
    }
    return results;
  }

  #applyOperation(operation: WriteOperation, rangeKeysLeft: number): WriteResult {
    switch (operation.type) {
      case "put":
        return this.store.put(operation);
      case "delete":
        return isRangeDelete(operation)
          ? this.store.delete(operation, Math.min(DELETE_MAX_KEYS, rangeKeysLeft))
          : this.store.delete(operation);
      case "compact":
        return this.store.compact(operation.revision);
    }
  }

  /**
   * What to commit next; undefined when nothing changed. One batch at a time: commit it, then `release`. If
   * the commit fails the process must end.
   */
  freeze(): AppliedBatch | undefined {
    if (this.#appliedIndex === this.#frozenIndex && this.store.overlay.activeBytes === 0) return undefined;
    this.store.overlay.set("meta", appliedKey, encodeStoreMeta(this.#storeMeta()));
    const batch = this.store.freeze();
    this.#frozenIndex = this.#appliedIndex;
    return { writes: batch.writes, bytes: batch.bytes, appliedIndex: this.#appliedIndex };
  }

  /** The last batch is durable, and reads of the backend see it. */
  release(): void {
    this.store.release();
    this.#durableIndex = this.#frozenIndex;
  }

  #storeMeta(): StoreMeta {
    return {
      appliedIndex: this.#appliedIndex,
      appliedTerm: this.#appliedTerm,
      configurationIndex: this.members.configuration?.index ?? 0n,
      configuration: this.#configurationData,
      clusterId: this.#clusterId,
      clusterVersion: this.#clusterVersion,
    };
  }
}

function isRangeDelete(operation: WriteOperation): boolean {
  return operation.type === "delete" && operation.end !== undefined;
}

function blankMeta(clusterId: bigint): StoreMeta {
  return {
    appliedIndex: 0n,
    appliedTerm: 0n,
    configurationIndex: 0n,
    configuration: NO_BYTES,
    clusterId,
    clusterVersion: 0,
  };
}

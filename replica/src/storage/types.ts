import type { FatalError } from "../errors.ts";
import type {
  Configuration,
  Entry,
  HardState,
  IndexedConfiguration,
  LogStorage,
  MemberId,
  SnapshotMetadata,
} from "../raft/types.ts";
import type { KvBackend, KvSnapshot } from "./kv-backend.types.ts";
import type { Machine } from "./machine.types.ts";

/** What the disk says of the member that lives on it. It belongs to one (cluster, member) for ever. */
export interface StorageIdentity {
  readonly memberId: MemberId;
  /** undefined: blank, belongs to no cluster yet; such a member never votes and never campaigns (B1). */
  readonly clusterId: bigint | undefined;
  /** Starts of this member on this disk, this one included; counted durably before anything is sent. */
  readonly incarnation: bigint;
  /** Index of the configuration that this member was first part of, as it was told (A8). */
  readonly joinedIndex: bigint | undefined;
  /** Index of the committed configuration without it; set: it must stay quiet. */
  readonly removedIndex: bigint | undefined;
}

/** One step of the log; what it holds becomes durable together. */
export interface LogAppend {
  readonly hardState: HardState | undefined;
  /** Contiguous, ascending. The first takes the place of whatever the log holds from its index on. */
  readonly entries: readonly Entry[];
}

/** What this disk promises to remember: compared by peers to find a disk that went back (B2). */
export interface DurablePosition {
  readonly term: bigint;
  readonly lastIndex: bigint;
  readonly commit: bigint;
}

export interface StorageUsage {
  /** Pages in use, in bytes. */
  readonly usedBytes: number;
  readonly fileBytes: number;
}

/** The log of `raft/`. Reads are synchronous and show exactly what is durable. */
export interface DurableLog extends LogStorage {
  /**
   * Resolves when durable, in the order of the calls; what gathers while one transaction runs goes into the
   * next (group commit). A rejection is a FatalError that was also given to `onFatal`.
   */
  append(append: LogAppend): Promise<void>;
  /**
   * Forgets the entries up to and with `throughIndex`, which must be at most the durable applied index, in
   * bounded steps that ride along with appends. Resolves when the last step is durable; a later call with a
   * higher index takes over.
   */
  compact(throughIndex: bigint): Promise<void>;
  /** Empties the log, which then begins after the snapshot; the hard state stays, its commit is raised. */
  reset(snapshot: { readonly index: bigint; readonly term: bigint }): Promise<void>;
  /** What `snapshot()` answers from now on: the snapshot that is there to be sent. */
  offerSnapshot(snapshot: SnapshotMetadata | undefined): void;
  durablePosition(): DurablePosition;
  /** Bytes of the entries after `index` (their data and a fixed overhead each). */
  bytesAfter(index: bigint): number;
  /** The lowest index that leaves no more than so many bytes and entries after it. */
  indexLeaving(limits: { readonly entries: number; readonly bytes: number }): bigint;
  usage(): StorageUsage;
}

/** The store of `store/`, as the state machine uses it, with what only the runtime needs. */
export interface DurableStore extends KvBackend {
  /** A view that stays at one point in time; it keeps pages from being reused, so close it soon. */
  pin(): KvSnapshot;
  /** Verifies some records from where the last step ended; throws FatalError corruptStore on damage. */
  scrubStep(limits: ScrubLimits): ScrubProgress;
}

export interface ScrubLimits {
  readonly maxRecords: number;
  readonly maxBytes: number;
}

export interface ScrubProgress {
  readonly records: number;
  readonly bytes: number;
  /** This step ended a whole pass over the store. */
  readonly passed: boolean;
}

/**
 * What a member may do after its start.
 *
 * `ready`: start the core on the log. `needsSnapshot`: `store/` was lost or damaged and was set aside, and the
 * log no longer covers what it held. Term, vote and log are kept, but nothing can be applied: the core must
 * not be started, so the member neither votes nor campaigns nor acknowledges. Fetch a snapshot at an index of
 * at least `minIndex` from any member and install it; the log is kept when it holds the snapshot's last entry.
 */
export type StartState =
  | { readonly kind: "ready" }
  | {
      readonly kind: "needsSnapshot";
      readonly minIndex: bigint;
      /** The last configuration that the log was compacted with: whom to ask. */
      readonly configuration: IndexedConfiguration | undefined;
      readonly reason: string;
    };

/** A snapshot file that is there to be sent. */
export interface SnapshotDescription {
  readonly snapshotId: string;
  readonly snapshot: SnapshotMetadata;
  readonly sizeBytes: number;
  /** SHA-256 of the whole file. */
  readonly checksum: Uint8Array;
}

export interface SnapshotChunk {
  readonly offset: number;
  readonly data: Uint8Array;
  /** crc32 of data. */
  readonly checksum: number;
}

/** One compacted copy of `store/` at a time, shared by all who read it. */
export interface SnapshotSource {
  /**
   * Makes a copy at the durable applied index, or joins the one being made. The last copy is removed once
   * nobody reads it. Throws StorageError noSpace when the disk has no room.
   */
  create(): Promise<SnapshotDescription>;
  current(): SnapshotDescription | undefined;
  /** Chunks from an offset to the end; undefined when that snapshot is not there any more. */
  read(snapshotId: string, offset: number): AsyncIterable<SnapshotChunk> | undefined;
  /** Removes the copy as soon as nobody reads it; also done when a newer one is made. */
  discard(): Promise<void>;
}

/** The receiving end: one snapshot at a time, written beside the store, resumable after a crash. */
export interface SnapshotSink {
  /** Where to go on: 0 for a snapshot not seen before; what another one left behind is removed. */
  begin(description: SnapshotDescription): Promise<number>;
  /** Chunks in order from that offset. Throws StorageError badSnapshot on a gap or a wrong checksum. */
  write(chunk: SnapshotChunk): Promise<void>;
  /** Verifies the whole file; throws StorageError badSnapshot, and begins anew, when it is not as described. */
  finish(): Promise<ReceivedSnapshot>;
  abort(): Promise<void>;
}

export interface ReceivedSnapshot {
  readonly snapshotId: string;
  readonly snapshot: SnapshotMetadata;
  readonly path: string;
}

export type StorageErrorCode =
  | "noSpace"
  | "badSnapshot"
  | "wrongCluster"
  | "wrongMember"
  | "alreadyInitialized"
  | "notRemoved";

/** What the caller can answer for; the process goes on. What it cannot survive is a FatalError. */
export class StorageError extends Error {
  readonly code: StorageErrorCode;

  constructor(code: StorageErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "StorageError";
    this.code = code;
  }
}

/** Everything of one member on one disk. */
export interface DataDirectory {
  readonly path: string;
  readonly identity: StorageIdentity;
  readonly start: StartState;
  readonly log: DurableLog;
  readonly store: DurableStore;
  readonly snapshots: SnapshotSource;
  readonly incoming: SnapshotSink;
  /** What was found and repaired at start, for the log. */
  readonly notes: readonly string[];

  /** Binds a blank disk to a cluster, durably; again with the same id is nothing. Throws wrongCluster. */
  stampCluster(clusterId: bigint): Promise<void>;
  /** Remembers the index of the first configuration that this member is part of. */
  markJoined(index: bigint): Promise<void>;
  /**
   * Founds a cluster of this member alone, in one transaction: the stamp, the first configuration as the
   * entry at index 1 of term 1, and the hard state term 1, vote for itself, commit 1. Once: again with the
   * same id is nothing; throws StorageError wrongCluster or alreadyInitialized.
   */
  bootstrap(clusterId: bigint, configuration: Uint8Array): Promise<void>;
  /** This member is removed for ever: a committed configuration at `index` is without it. */
  markRemoved(index: bigint): Promise<void>;
  /**
   * Swaps a received snapshot in for the store and then brings the log in line with it, exactly as a start
   * after a crash would. Nothing may be committed meanwhile; reads show the old store until `swapped` is
   * called, and the new one from within that call on. Views that are pinned stay valid.
   */
  install(received: ReceivedSnapshot, swapped?: () => void): Promise<void>;
  /**
   * Moves the data of a removed member to `removed-<member id>/` and draws a new id. A blank disk has none to
   * keep, and belongs to any cluster. Throws StorageError wrongCluster, wrongMember, notRemoved. This object is
   * closed; the answer takes its place.
   */
  reset(request: ResetRequest): Promise<DataDirectory>;
  /** Waits for what is under way, then lets go of the directory. */
  close(): Promise<void>;
}

export interface ResetRequest {
  readonly clusterId: bigint;
  readonly memberId: MemberId;
  /** The index of its removal, for a member that does not know that it was removed; else undefined. */
  readonly removedIndex: bigint | undefined;
}

/** Faults handed in by tests: the one seam where storage can be made to fail. */
export interface StorageFaults {
  /**
   * Called before a transaction is given to the machine. It may reject (an I/O error on commit) or never settle
   * (a frozen disk).
   */
  beforeCommit?(environment: "raft" | "store" | "copy"): Promise<void>;
  /** Called between the steps of what must be safe against a kill; may throw or end the process. */
  atStep?(step: string): void;
  statfs?(path: string): Promise<{ readonly freeBytes: number; readonly totalBytes: number }>;
}

export interface OpenOptions {
  /** What is below storage. Default: the system's. */
  readonly machine?: Machine;
  /** Cryptographically random bytes; member ids are drawn from them. */
  readonly randomBytes: (size: number) => Uint8Array;
  readonly decodeConfiguration: (bytes: Uint8Array) => Configuration;
  /**
   * Called once, with what ends the process: a rejected or unsettled commit, or damage found while reading.
   * Nothing may be sent, acknowledged or retried afterwards.
   */
  readonly onFatal: (error: FatalError) => void;
  /** A commit that takes longer ends the process. Default 30,000. */
  readonly commitDeadlineMs?: number;
  /** Bytes of recent entries kept in memory. Default 64 MiB. */
  readonly logCacheMaxBytes?: number;
  /** So many entries of the log became durable in one transaction, at least one. */
  readonly logFlushed?: (entries: number) => void;
  /** Bytes in a chunk of a snapshot. Default 256 KiB. */
  readonly snapshotChunkBytes?: number;
  /** Kept free beside a snapshot: log and store go on growing while it is written. Default 16 MiB. */
  readonly snapshotMarginBytes?: number;
  /** Calls back after a while, once; the returned function cancels. Default setTimeout. */
  readonly after?: (delayMs: number, callback: () => void) => () => void;
  readonly faults?: StorageFaults;
}

/** The tables of `store/`. Keys and values are raw bytes; keys order bytewise. */
export type Table = "meta" | "rev" | "cur" | "idx";

/** A change of one record; `value` undefined deletes it. */
export interface KvWrite {
  readonly table: Table;
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

export interface ScanOptions {
  /** First key, inclusive. With reverse: still the lower bound. */
  readonly start: Uint8Array;
  /** Exclusive upper bound; undefined: to the end of the table. */
  readonly end: Uint8Array | undefined;
  readonly reverse?: boolean;
}

/**
 * Reads of the state machine's records. Every record's checksum is verified on reading; damage throws a
 * fatal CorruptionError. Bytes returned are copies. Iterators must be finished within one turn of the loop.
 */
export interface KvReader {
  get(table: Table, key: Uint8Array): Uint8Array | undefined;
  scan(table: Table, options: ScanOptions): IterableIterator<readonly [Uint8Array, Uint8Array]>;
}

/** A pinned view for one long job (hash, snapshot); close it. */
export interface KvSnapshot extends KvReader {
  close(): void;
}

export interface KvBackend extends KvReader {
  /**
   * One durable transaction, in order; resolves when it is on disk. Callers give whole, bounded batches
   * sorted by table and key. A rejection is fatal to the process.
   */
  commit(writes: Iterable<KvWrite>): Promise<void>;
  usage(): KvUsage;
}

export interface KvUsage {
  /** Pages in use, in bytes: the quota counts these. */
  readonly usedBytes: number;
  readonly fileBytes: number;
}

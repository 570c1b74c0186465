import { crc32 } from "node:zlib";
import type { Entry } from "@rstore/replica/raft/types";
import { decodeLogRecord, entryKey } from "@rstore/replica/storage/log-record";
import { boundsKey, decodeBounds, decodeIdentity, identityKey } from "@rstore/replica/storage/log-state";
import { appliedKey, decodeStoreMeta } from "@rstore/replica/storage/store-meta";
import { type DiskState, dataDirectory } from "./disk-state.ts";
import type { FolderTree } from "./folder-tree.ts";
import { SimFile } from "./sim-file.ts";
import type { TableSet } from "./table-set.ts";
import type { DurableLogState } from "./types.ts";

/** As StoreBackend writes records: a crc32 of table, key and value in front. */
const checksumBytes = 4;

interface Cached<T> {
  readonly file: SimFile;
  readonly tables: TableSet | undefined;
  readonly version: number | undefined;
  readonly value: T;
}

/** Reads what a start after a crash would find, with the production codecs, and remembers it until it changes. */
export class DurableView {
  readonly #state: DiskState;
  readonly #files = new Map<string, SimFile | undefined>();
  #filesOf: FolderTree | undefined;
  #filesVersion = 0;
  #log: Cached<DurableLogState | undefined> | undefined;
  #applied: Cached<bigint | undefined> | undefined;

  constructor(state: DiskState) {
    this.#state = state;
  }

  log(): DurableLogState | undefined {
    const file = this.#file("raft/data.mdb");
    if (file === undefined) return undefined;
    if (!isCurrent(this.#log, file)) this.#log = cache(file, readLog);
    return this.#log.value;
  }

  entry(index: bigint): Entry | undefined {
    const key = entryKey(index);
    const record = this.#file("raft/data.mdb")?.durableTables()?.table("log")?.get(key);
    const decoded = record && decodeLogRecord(key, record);
    return typeof decoded === "object" ? decoded.entry : undefined;
  }

  /** undefined: the store is lost. */
  applied(): bigint | undefined {
    const file = this.#file("store/data.mdb");
    if (file === undefined || file.damage !== undefined) return undefined;
    if (this.#file("store/damaged") !== undefined) return undefined;
    if (!isCurrent(this.#applied, file)) this.#applied = cache(file, readApplied);
    return this.#applied.value;
  }

  #file(path: string): SimFile | undefined {
    const { tree } = this.#state;
    if (tree !== this.#filesOf || tree.durableVersion !== this.#filesVersion) {
      this.#files.clear();
      this.#filesOf = tree;
      this.#filesVersion = tree.durableVersion;
    }
    if (!this.#files.has(path)) {
      const node = tree.findDurable(`${dataDirectory}/${path}`);
      this.#files.set(path, node instanceof SimFile ? node : undefined);
    }
    return this.#files.get(path);
  }
}

function isCurrent<T>(cached: Cached<T> | undefined, file: SimFile): cached is Cached<T> {
  // Tables that are not flushed yet are decoded from bytes each time: rare, and short.
  if (cached === undefined || cached.file !== file || cached.tables === undefined) return false;
  const tables = file.durableTables();
  return cached.tables === tables && cached.version === tables?.version;
}

function cache<T>(file: SimFile, read: (tables: TableSet) => T): Cached<T | undefined> {
  const tables = file.durableTables();
  return { file, tables, version: tables?.version, value: tables && read(tables) };
}

function readLog(tables: TableSet): DurableLogState | undefined {
  const meta = tables.table("meta");
  const identityRecord = meta?.get(identityKey);
  const boundsRecord = meta?.get(boundsKey);
  if (identityRecord === undefined || boundsRecord === undefined) return undefined;
  const identity = decodeIdentity(identityRecord);
  const bounds = decodeBounds(boundsRecord);
  if (!("value" in identity) || !("value" in bounds)) return undefined;
  const { memberId, clusterId, incarnation, removedIndex } = identity.value;
  const { hardState, baseIndex, lastIndex, lastTerm } = bounds.value;
  const { term, vote, commit } = hardState;
  const firstIndex = baseIndex + 1n;
  return {
    memberId,
    clusterId,
    incarnation,
    removedIndex,
    term,
    vote,
    commit,
    firstIndex,
    lastIndex,
    lastTerm,
  };
}

function readApplied(tables: TableSet): bigint | undefined {
  const record = tables.table("meta")?.get(appliedKey);
  if (record === undefined || record.byteLength < checksumBytes) return undefined;
  const value = record.subarray(checksumBytes);
  if (record.readUInt32LE(0) !== crc32(value, crc32(appliedKey, crc32("meta")))) return undefined;
  try {
    return decodeStoreMeta(value).appliedIndex;
  } catch {
    return undefined;
  }
}

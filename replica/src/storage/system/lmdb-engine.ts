import { type Database, open, type RootDatabase, type Transaction } from "lmdb";
import { assert } from "../../assert.ts";
import type { EngineRange, EngineTable, EngineView, TableEngine } from "../machine.types.ts";
import { withLockTableInMemory } from "./lock-table.ts";

/**
 * Address space, not memory: large enough that LMDB need not map the file anew while it grows, which would
 * leave the old mappings behind.
 */
const mapBytes = 64 * 1024 ** 3;

const encodings = { keyEncoding: "binary", encoding: "binary" } as const;

type LmdbDatabase = Database<Buffer, Uint8Array>;

/** One LMDB environment with raw bytes and durable transactions only. */
export class LmdbEngine implements TableEngine {
  readonly #root: RootDatabase<Buffer, Uint8Array>;
  readonly #tables = new Map<string, LmdbTable>();
  #batch: Promise<boolean> | undefined;

  /** Throws what LMDB throws; the file must have been checked before, since mapping trusts it. */
  constructor(file: string, tables: readonly string[]) {
    const settings = {
      ...encodings,
      path: file,
      noSubdir: true,
      // With it, a killed process finds commits that were never flushed, and errors never arrive.
      overlappingSync: false,
      // One explicit batch is one transaction; nothing is committed because a turn of the loop ended.
      eventTurnBatching: false,
      mapSize: mapBytes,
      maxDbs: 8,
      permissionsMode: 0o600,
    };
    this.#root = withLockTableInMemory(file, () => open<Buffer, Uint8Array>(settings));
    for (const name of tables) this.#tables.set(name, new LmdbTable(this.#root.openDB(name, encodings)));
  }

  table(name: string): EngineTable {
    const table = this.#tables.get(name);
    assert(table, `no table ${name}`);
    return table;
  }

  batch(write: () => void): Promise<void> {
    const batch = this.#root.batch(write);
    // lmdb-js answers with the promise of a transaction still open, if there is one: it must be a new one.
    assert(batch !== this.#batch, "a transaction joined the one before it");
    this.#batch = batch;
    return batch.then(
      () => undefined,
      async (error: unknown) => {
        throw await batchCause(error);
      },
    );
  }

  view(): EngineView {
    // What was committed within this turn of the loop is seen too.
    this.#root.resetReadTxn();
    return new LmdbView(this.#root.useReadTransaction());
  }

  /** Pages of all trees; what the freelist holds is not in use. */
  usage(): { usedBytes: number; fileBytes: number } {
    const { root, lastPageNumber } = this.#root.getStats() as RootStats;
    let pages = 2 + treePages(root);
    for (const table of this.#tables.values()) pages += treePages(table.stats());
    return { usedBytes: pages * root.pageSize, fileBytes: (lastPageNumber + 1) * root.pageSize };
  }

  copyTo(file: string): Promise<void> {
    return this.#root.backup(file, true);
  }

  async close(): Promise<void> {
    // lmdb-js may have queued its own turn after a commit, and fails if the environment is gone by then.
    await new Promise((resolve) => setImmediate(resolve));
    await this.#root.close();
  }
}

class LmdbView implements EngineView {
  readonly options: { readonly transaction: Transaction };

  constructor(transaction: Transaction) {
    this.options = { transaction };
  }

  close(): void {
    this.options.transaction.done();
  }
}

class LmdbTable implements EngineTable {
  readonly #database: LmdbDatabase;

  constructor(database: LmdbDatabase) {
    this.#database = database;
  }

  get entryCount(): number {
    return this.stats().entryCount;
  }

  stats(): TreeStats {
    return this.#database.getStats() as TreeStats;
  }

  get(key: Uint8Array, view?: EngineView): Buffer | undefined {
    return (this.#database as unknown as ReadableDatabase).getBinary(key, readOptions(view));
  }

  *range(range: EngineRange, view?: EngineView): IterableIterator<readonly [Buffer, Buffer]> {
    if (range.end?.byteLength === 0) return;
    const options = { ...lmdbRange(range), ...readOptions(view) };
    for (const { key, value } of this.#database.getRange(options)) yield [key as Buffer, value];
  }

  put(key: Uint8Array, value: Uint8Array): void {
    void this.#database.put(key, value as Buffer);
  }

  remove(key: Uint8Array): void {
    void this.#database.remove(key);
  }

  clear(): void {
    void this.#database.clearAsync();
  }
}

const newest = {};

function readOptions(view: EngineView | undefined): { readonly transaction?: Transaction } {
  return view === undefined ? newest : (view as LmdbView).options;
}

/**
 * lmdb-js walks from `start` to `end` in the direction of the walk, takes an empty end for none, and by
 * default leaves out one of the ends.
 */
function lmdbRange({ start, end, reverse, limit }: EngineRange): object {
  const most = limit === undefined ? {} : { limit };
  if (!reverse) return { ...most, ...(start ? { start } : {}), ...(end ? { end } : {}) };
  const upper = end ? { start: end, exclusiveStart: true } : {};
  return { ...most, ...upper, end: start ?? new Uint8Array(), inclusiveEnd: true, reverse: true };
}

/** lmdb's types forget that `getBinary` takes options. */
interface ReadableDatabase {
  getBinary(key: Uint8Array, options: { readonly transaction?: Transaction }): Buffer | undefined;
}

interface TreeStats {
  readonly pageSize: number;
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
  readonly entryCount: number;
}

interface RootStats {
  readonly root: TreeStats;
  readonly lastPageNumber: number;
}

function treePages(stats: TreeStats): number {
  return stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages;
}

/** lmdb-js rejects with a general error and puts the real one into a promise beside it. */
async function batchCause(error: unknown): Promise<unknown> {
  const beside = (error as { commitError?: Promise<unknown> }).commitError;
  if (!beside) return error;
  return beside.then(
    () => error,
    (cause: unknown) => cause,
  );
}

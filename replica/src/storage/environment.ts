import { dirname } from "node:path";
import { type Database, open, type RootDatabase, type Transaction } from "lmdb";
import { assert } from "../assert.ts";
import type { FatalError } from "../errors.ts";
import { measureSpace } from "./disk-space.ts";
import type { FatalGate } from "./fatal-gate.ts";
import type { StorageFaults, StorageUsage } from "./types.ts";

/** LMDB's own limit at 4 KiB pages; the empty key is refused as well. */
export const keyMaxBytes = 1978;

/**
 * lmdb-js makes a writer wait on the main thread beyond 300,000 operations under way; one transaction must
 * stay well below.
 */
export const transactionMaxOperations = 250_000;

/**
 * Address space, not memory: large enough that LMDB need not map the file anew while it grows, which would
 * leave the old mappings behind.
 */
const mapBytes = 64 * 1024 ** 3;

/** ENOSPC, EFBIG, EDQUOT on Linux: LMDB hands errno through as `code` of a generic error. */
const fullErrnos = new Set([28, 27, 122]);

/** A write that was cut short by a full disk arrives as EIO: with less than this free, that was it. */
const fullBelowBytes = 4 * 1024 ** 2;

/** MDB_PAGE_NOTFOUND, MDB_CORRUPTED, MDB_INVALID: the file is not what LMDB wrote. */
const damageCodes = new Set<unknown>([-30797, -30796, -30793]);

export function isDamageCode(code: unknown): boolean {
  return damageCodes.has(code);
}

/** `copy`: a snapshot file that is only looked at. */
export type EnvironmentName = "raft" | "store" | "copy";

export interface EnvironmentOptions {
  readonly name: EnvironmentName;
  /** The data file; LMDB keeps its lock table beside it. */
  readonly file: string;
  readonly tables: readonly string[];
  readonly commitDeadlineMs: number;
  readonly after: (delayMs: number, callback: () => void) => () => void;
  readonly gate: FatalGate;
  readonly faults: StorageFaults;
  /** Makes the error of a damaged file, and leaves word on the disk if the next start must know. */
  readonly damaged: (what: string, cause?: unknown) => FatalError;
}

export type Table = Database<Buffer, Uint8Array>;

const encodings = { keyEncoding: "binary", encoding: "binary" } as const;

/**
 * One LMDB environment with raw bytes and durable transactions only. A commit that is rejected, or that does
 * not settle within the deadline, is the end: nothing is retried, because after a failed fsync nobody can say
 * what is on the disk (B5).
 */
export class Environment {
  readonly options: EnvironmentOptions;
  readonly #root: RootDatabase<Buffer, Uint8Array>;
  readonly #tables = new Map<string, Table>();
  #committing: Promise<boolean> | undefined;
  #unsettled = false;
  #users = 0;
  #idle: (() => void) | undefined;

  /** Throws what LMDB throws; the file must have been checked before, since mapping trusts it. */
  constructor(options: EnvironmentOptions) {
    this.options = options;
    const settings = {
      ...encodings,
      path: options.file,
      noSubdir: true,
      // With it, a killed process finds commits that were never flushed, and errors never arrive.
      overlappingSync: false,
      // One explicit batch is one transaction; nothing is committed because a turn of the loop ended.
      eventTurnBatching: false,
      mapSize: mapBytes,
      maxDbs: 8,
      permissionsMode: 0o600,
    };
    this.#root = open<Buffer, Uint8Array>(settings);
    for (const name of options.tables) this.#tables.set(name, this.#root.openDB(name, encodings));
  }

  table(name: string): Table {
    const table = this.#tables.get(name);
    assert(table, `no table ${name} in ${this.options.name}/`);
    return table;
  }

  /**
   * Queues what `write` puts and removes as one transaction; resolves when it is on disk. One at a time.
   * `write` must not throw: keys and sizes are checked before.
   */
  commit(write: () => void): Promise<void> {
    const { commitDeadlineMs, after, faults, gate, name } = this.options;
    if (gate.failure) return Promise.reject(gate.failure);
    return new Promise((resolve, reject) => {
      const cancel = after(commitDeadlineMs, () => {
        const seconds = commitDeadlineMs / 1000;
        reject(gate.raise("diskFailed", `a write to ${name}/ did not reach the disk within ${seconds} s`));
      });
      const settled = faults.beforeCommit
        ? faults.beforeCommit(name).then(() => this.#submit(write))
        : this.#submit(write);
      settled.then(
        () => {
          cancel();
          if (gate.failure) reject(gate.failure);
          else resolve();
        },
        (error: unknown) => {
          void this.#classify(error).then((failure) => {
            cancel();
            reject(failure);
          });
        },
      );
    });
  }

  #submit(write: () => void): Promise<unknown> {
    try {
      const promise = this.#root.batch(write);
      // lmdb-js answers with the promise of a transaction still open, if there is one: it must be a new one.
      assert(promise !== this.#committing, "a commit joined the transaction before it");
      this.#committing = promise;
      this.#unsettled = true;
      return promise.finally(() => {
        this.#unsettled = false;
      });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async #classify(error: unknown): Promise<FatalError> {
    const cause = await commitCause(error);
    const code = (cause as { code?: unknown }).code;
    const { name, gate } = this.options;
    if (isDamageCode(code)) return this.options.damaged(`a write failed (${describe(cause)})`, cause);
    const isFull = typeof code === "number" && (fullErrnos.has(code) || (await this.#hasNoSpace()));
    if (isFull) {
      return gate.raise("diskFull", `the disk is full: a write to ${name}/ failed`, cause);
    }
    return gate.raise("diskFailed", `a write to ${name}/ failed: ${describe(cause)}`, cause);
  }

  async #hasNoSpace(): Promise<boolean> {
    const { file, faults } = this.options;
    return measureSpace(dirname(file), faults).then(
      ({ freeBytes }) => freeBytes < fullBelowBytes,
      () => false,
    );
  }

  /** A read transaction of its own; `done()` it soon, and hold the environment with `use` meanwhile. */
  readTransaction(): Transaction {
    this.#root.resetReadTxn();
    return this.#root.useReadTransaction();
  }

  /** Lets reads see the newest commit from here on, also within one turn of the loop. */
  refresh(): void {
    this.#root.resetReadTxn();
  }

  /** Pages of all trees; what the freelist holds is not in use. */
  usage(): StorageUsage {
    let pages = 2 + treePages(this.#stats().root);
    for (const table of this.#tables.values()) pages += treePages(tableStats(table));
    const { root, lastPageNumber } = this.#stats();
    return { usedBytes: pages * root.pageSize, fileBytes: (lastPageNumber + 1) * root.pageSize };
  }

  #stats(): EnvironmentStats {
    return this.#root.getStats() as EnvironmentStats;
  }

  /** Writes a compacted copy of the newest commit to a file that must not exist. Not flushed. */
  async copyTo(file: string): Promise<void> {
    const release = this.use();
    try {
      await this.#root.backup(file, true);
    } finally {
      release();
    }
  }

  /** Keeps `close` waiting until the answer is called: views and copies must not outlive the mapping. */
  use(): () => void {
    this.#users++;
    let released = false;
    return () => {
      if (released) return;
      released = true;
      if (--this.#users === 0) this.#idle?.();
    };
  }

  /** Waits for the commit under way and for all users. Do not commit afterwards. */
  async close(): Promise<void> {
    // What froze may never settle; the process ends anyway.
    if (this.options.gate.failure && this.#unsettled) return;
    await this.#committing?.catch(() => undefined);
    if (this.#users > 0) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    }
    // lmdb-js may have queued its own turn after a commit, and fails if the environment is gone by then.
    await new Promise((resolve) => setImmediate(resolve));
    await this.#root.close();
  }
}

interface TreeStats {
  readonly pageSize: number;
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
  readonly entryCount: number;
}

interface EnvironmentStats {
  readonly root: TreeStats;
  readonly lastPageNumber: number;
}

export function tableStats(table: Table): TreeStats {
  return table.getStats() as TreeStats;
}

function treePages(stats: TreeStats): number {
  return stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages;
}

/** lmdb-js rejects with a general error and puts the real one into a promise beside it. */
async function commitCause(error: unknown): Promise<unknown> {
  const beside = (error as { commitError?: Promise<unknown> }).commitError;
  if (!beside) return error;
  return beside.then(
    () => error,
    (cause: unknown) => cause,
  );
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

import { crc32 } from "node:zlib";
import { assert } from "../assert.ts";
import { FatalError } from "../errors.ts";
import { type Environment, keyMaxBytes, transactionMaxOperations } from "./environment.ts";
import type { KvSnapshot, KvUsage, KvWrite, ScanOptions, Table } from "./kv-backend.types.ts";
import type { EngineTable, EngineView } from "./machine.types.ts";
import { Scrub } from "./scrub.ts";
import { appliedKey, decodeStoreMeta, type StoreMeta } from "./store-meta.ts";
import type { DurableStore, ScrubLimits, ScrubProgress } from "./types.ts";

export const tables: readonly Table[] = ["meta", "rev", "cur", "idx"];

/** Each record begins with a crc32 of table, key and value. */
const checksumBytes = 4;

/** Records of one commit share blocks of this size. */
const blockBytes = 256 * 1024;

const tableSeeds: Record<Table, number> = {
  meta: crc32("meta"),
  rev: crc32("rev"),
  cur: crc32("cur"),
  idx: crc32("idx"),
};

interface PreparedWrite {
  readonly table: Table;
  readonly key: Uint8Array;
  readonly record: Buffer | undefined;
}

export interface StoreBackendOptions {
  /** Every record was read, and so nearly every page. */
  readonly onScrubbed: () => void;
}

/** `store/`: the tables of the state machine, every record with a checksum. */
export class StoreBackend implements DurableStore {
  readonly #options: StoreBackendOptions;
  #environment: Environment;
  #lastCommit: Promise<void> = Promise.resolve();
  readonly #scrub = new Scrub((table, start) => this.scan(table, { start, end: undefined }));

  constructor(environment: Environment, options: StoreBackendOptions) {
    this.#environment = environment;
    this.#options = options;
  }

  /** Takes the place of the environment, between two turns; the old one is the caller's to close. */
  swap(environment: Environment): Environment {
    const old = this.#environment;
    this.#environment = environment;
    this.#scrub.restart();
    return old;
  }

  get environment(): Environment {
    return this.#environment;
  }

  get(table: Table, key: Uint8Array): Buffer | undefined {
    return this.#get(this.#environment, table, key);
  }

  scan(table: Table, options: ScanOptions): IterableIterator<readonly [Uint8Array, Uint8Array]> {
    return this.#scan(this.#environment, table, options);
  }

  /** What the store holds durably; undefined before the first commit. */
  meta(): StoreMeta | undefined {
    const value = this.get("meta", appliedKey);
    return value && decodeStoreMeta(value);
  }

  /** Resolves when durable. Commits that are asked for meanwhile wait their turn. */
  commit(writes: Iterable<KvWrite>): Promise<void> {
    const prepared = prepare(writes);
    const done = this.#lastCommit.then(() => {
      const environment = this.#environment;
      const engineTables = tablesOf(environment);
      return environment.commit(() => {
        for (const { table, key, record } of prepared) {
          if (record) engineTables[table].put(key, record);
          else engineTables[table].remove(key);
        }
      });
    });
    this.#lastCommit = done.catch(() => undefined);
    return done;
  }

  /** Resolves when no commit is under way. */
  idle(): Promise<void> {
    return this.#lastCommit;
  }

  usage(): KvUsage {
    return this.#environment.usage();
  }

  pin(): KvSnapshot {
    const environment = this.#environment;
    const release = environment.use();
    const view = environment.view();
    let open = true;
    const checked = (): EngineView => {
      assert(open, "a pinned view was read after it was closed");
      return view;
    };
    return {
      get: (table, key) => this.#get(environment, table, key, checked()),
      scan: (table, range) => this.#scan(environment, table, range, checked()),
      close() {
        if (!open) return;
        open = false;
        view.close();
        release();
      },
    };
  }

  scrubStep(limits: ScrubLimits): ScrubProgress {
    const progress = this.#scrub.step(limits);
    if (progress.passed) this.#options.onScrubbed();
    return progress;
  }

  #get(environment: Environment, table: Table, key: Uint8Array, view?: EngineView): Buffer | undefined {
    let record: Buffer | undefined;
    try {
      record = environment.table(table).get(key, view);
    } catch (cause) {
      throw this.#damaged(`a key of ${table} cannot be read`, cause);
    }
    return record && this.#verify(table, key, record);
  }

  /** What the machine itself finds wrong while it reads is damage. */
  *#scan(
    environment: Environment,
    table: Table,
    { start, end, reverse = false }: ScanOptions,
    view?: EngineView,
  ): IterableIterator<readonly [Uint8Array, Uint8Array]> {
    const range = { start, reverse, ...(end === undefined ? {} : { end }) };
    const read = <T>(what: () => T): T => {
      try {
        return what();
      } catch (cause) {
        throw this.#damaged(`a range of ${table} cannot be read`, cause);
      }
    };
    const records = read(() => environment.table(table).range(range, view));
    try {
      for (;;) {
        const next = read(() => records.next());
        if (next.done) return;
        const [key, record] = next.value;
        yield [key, this.#verify(table, key, record)];
      }
    } finally {
      records.return?.();
    }
  }

  #verify(table: Table, key: Uint8Array, record: Buffer): Buffer {
    if (record.byteLength >= checksumBytes) {
      const value = record.subarray(checksumBytes);
      if (record.readUInt32LE(0) === checksumOf(table, key, value)) return value;
    }
    throw this.#damaged(`a record of ${table} does not match its checksum`);
  }

  #damaged(what: string, cause?: unknown): FatalError {
    return cause instanceof FatalError ? cause : this.#environment.options.damaged(what, cause);
  }
}

type Tables = Record<Table, EngineTable>;

function tablesOf(environment: Environment): Tables {
  return Object.fromEntries(tables.map((name) => [name, environment.table(name)])) as Tables;
}

function checksumOf(table: Table, key: Uint8Array, value: Uint8Array): number {
  return crc32(value, crc32(key, tableSeeds[table]));
}

/**
 * Copies and checks everything before the machine sees any of it: what is thrown in the middle of a transaction
 * would leave half of it queued.
 */
function prepare(writes: Iterable<KvWrite>): PreparedWrite[] {
  const prepared: PreparedWrite[] = [];
  let block = Buffer.alloc(0);
  for (const { table, key, value } of writes) {
    const keyBytes = key.byteLength;
    assert(
      keyBytes > 0 && keyBytes <= keyMaxBytes,
      `a key of ${keyBytes} bytes, the limit is ${keyMaxBytes}`,
    );
    if (!value) {
      prepared.push({ table, key, record: undefined });
      continue;
    }
    const size = checksumBytes + value.byteLength;
    if (block.byteLength < size) block = Buffer.allocUnsafeSlow(Math.max(blockBytes, size));
    const record = block.subarray(0, size);
    block = block.subarray(size);
    record.writeUInt32LE(checksumOf(table, key, value), 0);
    record.set(value, checksumBytes);
    prepared.push({ table, key, record });
  }
  assert(prepared.length <= transactionMaxOperations, `a commit of ${prepared.length} writes is too large`);
  return prepared;
}

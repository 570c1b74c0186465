import { assert } from "../assert.ts";
import type { KvReader, KvWrite, ScanOptions, Table } from "../storage/kv-backend.types.ts";
import { compareBytes, textFromBytes } from "./bytes.ts";
import { MergedScan } from "./merged-scan.ts";
import { SortedRecords } from "./sorted-records.ts";

/** The order of tables in a batch. */
const TABLES: readonly Table[] = ["cur", "idx", "meta", "rev"];

/** What a record costs in memory besides its bytes, about: objects, views, text and the Map's slot. */
const RECORD_OVERHEAD_BYTES = 320;

class Generation {
  readonly cur = new SortedRecords();
  readonly idx = new SortedRecords();
  readonly meta = new SortedRecords();
  readonly rev = new SortedRecords();
  bytes = 0;

  get empty(): boolean {
    return this.bytes === 0;
  }

  set(table: Table, key: Uint8Array, value: Uint8Array | undefined): void {
    const records = this[table];
    const text = textFromBytes(key);
    const held = records.get(text);
    if (held === undefined) {
      records.add({ text, key, value });
      this.bytes += RECORD_OVERHEAD_BYTES + 2 * key.length + (value?.length ?? 0);
    } else {
      this.bytes += (value?.length ?? 0) - (held.value?.length ?? 0);
      held.value = value;
    }
  }

  *writes(): Generator<KvWrite> {
    for (const table of TABLES) {
      for (const { key, value } of this[table]) yield { table, key, value };
    }
  }
}

/** Everything written since the batch before, each record once, sorted by table and key. */
export interface FrozenBatch {
  /** May be iterated more than once, until the batch is released. */
  readonly writes: Iterable<KvWrite>;
  readonly bytes: number;
}

/**
 * What has been applied and is not yet in the backend, above what the backend holds (design.md, "Storage").
 * Writes go to the *active* generation. `freeze` makes it the *flushing* one, whose records the caller
 * commits to the backend, and `release` drops that once the commit is durable. Reads see active, then
 * flushing, then backend. There is at most one generation of each kind.
 *
 * Records handed in are kept, not copied. Records handed out must not be changed.
 */
export class Overlay implements KvReader {
  readonly #backend: KvReader;
  #active = new Generation();
  #flushing: Generation | undefined;

  constructor(backend: KvReader) {
    this.#backend = backend;
  }

  /** Memory that both generations take, about. */
  get bytes(): number {
    return this.#active.bytes + (this.#flushing?.bytes ?? 0);
  }

  /** Memory that the next batch takes, about. */
  get activeBytes(): number {
    return this.#active.bytes;
  }

  get flushing(): boolean {
    return this.#flushing !== undefined;
  }

  set(table: Table, key: Uint8Array, value: Uint8Array): void {
    this.#active.set(table, key, value);
  }

  delete(table: Table, key: Uint8Array): void {
    this.#active.set(table, key, undefined);
  }

  get(table: Table, key: Uint8Array): Uint8Array | undefined {
    if (!this.#active.empty || this.#flushing !== undefined) {
      const text = textFromBytes(key);
      const held = this.#active[table].get(text) ?? this.#flushing?.[table].get(text);
      if (held !== undefined) return held.value;
    }
    return this.#backend.get(table, key);
  }

  /** Void after the next write. A range that ends before it begins is empty. */
  scan(table: Table, options: ScanOptions): IterableIterator<readonly [Uint8Array, Uint8Array]> {
    if (options.end !== undefined && compareBytes(options.start, options.end) >= 0) return [].values();
    const generations = [this.#active, this.#flushing].filter(
      (generation) => generation !== undefined && generation[table].size > 0,
    );
    const below = this.#backend.scan(table, options);
    if (generations.length === 0) return below;
    const cursors = generations.map((generation) => generation![table].scan(options));
    return new MergedScan(cursors, below, options.reverse === true);
  }

  freeze(): FrozenBatch {
    assert(this.#flushing === undefined, "a batch is frozen only when the one before is released");
    const generation = this.#active;
    this.#flushing = generation;
    this.#active = new Generation();
    return {
      writes: { [Symbol.iterator]: () => generation.writes() },
      bytes: generation.bytes,
    };
  }

  /** The frozen batch is durable, and the backend shows it to every read from now on. */
  release(): void {
    assert(this.#flushing !== undefined, "only a frozen batch is released");
    this.#flushing = undefined;
  }
}

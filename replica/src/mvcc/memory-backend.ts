import type {
  KvBackend,
  KvSnapshot,
  KvUsage,
  KvWrite,
  ScanOptions,
  Table,
} from "../storage/kv-backend.types.ts";
import { compareBytes, textFromBytes } from "./bytes.ts";

type Row = readonly [Uint8Array, Uint8Array];

/** One table: rows ascending by key. */
interface Rows {
  readonly byText: Map<string, Uint8Array>;
  /** Keys ascending; made anew after a key came or went. */
  sorted: Uint8Array[] | undefined;
}

/**
 * A backend in memory, for tests and the simulator. What is committed is there at once; it copies what it
 * is given and what it gives. `fork` makes a copy, to start again from that point.
 */
export class MemoryBackend implements KvBackend {
  readonly #tables: Record<Table, Rows>;
  #bytes = 0;

  constructor() {
    this.#tables = { meta: newRows(), rev: newRows(), cur: newRows(), idx: newRows() };
  }

  get(table: Table, key: Uint8Array): Uint8Array | undefined {
    const value = this.#tables[table].byText.get(textFromBytes(key));
    return value === undefined ? undefined : new Uint8Array(value);
  }

  *scan(table: Table, options: ScanOptions): IterableIterator<Row> {
    const rows = this.#tables[table];
    rows.sorted ??= [...rows.byText.keys()].sort().map((text) => Buffer.from(text, "latin1"));
    const sorted = rows.sorted;
    const low = lowerBound(sorted, options.start);
    const high = options.end === undefined ? sorted.length : lowerBound(sorted, options.end);
    for (let i = 0; i < high - low; i++) {
      const key = sorted[options.reverse === true ? high - 1 - i : low + i]!;
      yield [new Uint8Array(key), new Uint8Array(rows.byText.get(textFromBytes(key))!)];
    }
  }

  /** Applies the writes at once. */
  commit(writes: Iterable<KvWrite>): Promise<void> {
    for (const write of writes) this.#write(write);
    return Promise.resolve();
  }

  usage(): KvUsage {
    return { usedBytes: this.#bytes, fileBytes: this.#bytes };
  }

  fork(): MemoryBackend {
    const copy = new MemoryBackend();
    for (const table of ["meta", "rev", "cur", "idx"] as const) {
      for (const [text, value] of this.#tables[table].byText) copy.#tables[table].byText.set(text, value);
    }
    copy.#bytes = this.#bytes;
    return copy;
  }

  pin(): KvSnapshot {
    const copy = this.fork();
    return {
      get: (table, key) => copy.get(table, key),
      scan: (table, options) => copy.scan(table, options),
      close: () => {},
    };
  }

  #write({ table, key, value }: KvWrite): void {
    const rows = this.#tables[table];
    const text = textFromBytes(key);
    const before = rows.byText.get(text);
    if (before !== undefined) this.#bytes -= key.length + before.length;
    if (value === undefined) {
      if (rows.byText.delete(text)) rows.sorted = undefined;
      return;
    }
    if (before === undefined) rows.sorted = undefined;
    rows.byText.set(text, new Uint8Array(value));
    this.#bytes += key.length + value.length;
  }
}

function newRows(): Rows {
  return { byText: new Map(), sorted: undefined };
}

function lowerBound(keys: readonly Uint8Array[], key: Uint8Array): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareBytes(keys[middle]!, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

import type { KvReader, KvWrite, ScanOptions, Table } from "../../storage/kv-backend.types.ts";
import { compareBytes, textFromBytes } from "../bytes.ts";

type Row = readonly [Uint8Array, Uint8Array];

/** One table: rows ascending by key. */
interface Rows {
  readonly byText: Map<string, Uint8Array>;
  /** Keys ascending; made anew after a key came or went. */
  sorted: Uint8Array[] | undefined;
}

/**
 * What a backend holds, in memory, for tests and the simulator. What is written is there at once: when a
 * commit is durable, and what a crash loses, is for the owner to decide. It copies what it is given and what
 * it gives. `fork` makes a copy, to start again from that point.
 */
export class MemoryBackend implements KvReader {
  readonly #tables: Record<Table, Rows>;

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

  /** All of a batch, or nothing: it is not seen half done. */
  write(writes: Iterable<KvWrite>): void {
    for (const write of writes) this.#write(write);
  }

  fork(): MemoryBackend {
    const copy = new MemoryBackend();
    for (const table of ["meta", "rev", "cur", "idx"] as const) {
      for (const [text, value] of this.#tables[table].byText) copy.#tables[table].byText.set(text, value);
    }
    return copy;
  }

  #write({ table, key, value }: KvWrite): void {
    const rows = this.#tables[table];
    const text = textFromBytes(key);
    if (value === undefined) {
      if (rows.byText.delete(text)) rows.sorted = undefined;
      return;
    }
    if (!rows.byText.has(text)) rows.sorted = undefined;
    rows.byText.set(text, new Uint8Array(value));
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

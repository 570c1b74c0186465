import { assert } from "../assert.ts";
import type { KvReader, KvWrite, ScanOptions, Table } from "../storage/kv-backend.types.ts";
import { ByteWriter, compareBytes, textFromBytes } from "./bytes.ts";
import { EventRun } from "./event-run.ts";
import { BATCH_MAX_RECORDS, OVERLAY_MAX_BYTES } from "./limits.ts";
import { MergedScan } from "./merged-scan.ts";
import { decodeRevKey, encodeRevKey, writeState } from "./records.ts";
import {
  type HeldRecord,
  type HeldValue,
  type RecordCursor,
  SortedRecords,
  type TextRange,
} from "./sorted-records.ts";

/** What a record costs in memory besides its bytes, about: objects, views, text, places in arrays. */
const RECORD_OVERHEAD_BYTES = 240;
/** The same of an event of the run. */
const EVENT_OVERHEAD_BYTES = 64;
/** What a state takes. */
const STATE_BYTES = 120;

class Generation {
  readonly id: number;
  readonly cur = new SortedRecords();
  readonly idx = new SortedRecords();
  readonly meta = new SortedRecords();
  /** New events. */
  readonly run = new EventRun();
  /** Changes of events that are older than this generation: removals. */
  readonly rev = new SortedRecords();
  readonly #writer = new ByteWriter();
  bytes = 0;

  constructor(id: number) {
    this.id = id;
  }

  hold(table: Table, text: string, value: HeldValue | undefined): HeldRecord {
    const record: HeldRecord = { text, value, generation: this.id };
    const held = this[table].getOrAdd(record);
    if (held === record) {
      this.bytes += RECORD_OVERHEAD_BYTES + 2 * text.length + valueBytes(value);
    } else {
      this.bytes += valueBytes(value) - valueBytes(held.value);
      held.value = value;
    }
    return held;
  }

  get records(): number {
    return this.run.length + this.rev.size + this.cur.size + this.idx.size + this.meta.size;
  }

  cursors(table: Table, range: TextRange): RecordCursor[] {
    const cursors = this[table].size > 0 ? [this[table].scan(range)] : [];
    if (table === "rev" && this.run.length > 0) cursors.push(this.run.scan(range));
    return cursors;
  }

  /** By table and key. New events come after all older ones. */
  writes(): KvWrite[] {
    const writer = this.#writer;
    const writes: KvWrite[] = [];
    for (const table of ["cur", "idx", "meta", "rev"] as const) {
      this[table].forEach(({ text, value }) => {
        writer.begin(text.length);
        writer.text(text);
        writes.push({ table, key: writer.end(), value: this.encode(value) });
      });
    }
    this.run.writeTo(writes, writer);
    return writes;
  }

  encode(value: HeldValue | undefined): Uint8Array | undefined {
    return value === undefined || value instanceof Uint8Array ? value : writeState(this.#writer, value);
  }
}

function valueBytes(value: HeldValue | undefined): number {
  if (value === undefined) return 0;
  return value instanceof Uint8Array ? value.length : STATE_BYTES;
}

/** Everything written since the batch before, each record once, sorted by table and key. */
export interface FrozenBatch {
  readonly writes: readonly KvWrite[];
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
  #active = new Generation(1);
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

  /** Nothing more may be applied until a batch was frozen and released. */
  get full(): boolean {
    return this.bytes >= OVERLAY_MAX_BYTES || this.#active.records >= BATCH_MAX_RECORDS;
  }

  /** It is in the active generation: its value may change in place, without being held anew. */
  isActive(record: HeldRecord): boolean {
    return record.generation === this.#active.id;
  }

  hold(table: Exclude<Table, "rev">, text: string, value: HeldValue | undefined): HeldRecord {
    return this.#active.hold(table, text, value);
  }

  set(table: Exclude<Table, "rev">, key: Uint8Array, value: Uint8Array): void {
    this.#active.hold(table, textFromBytes(key), value);
  }

  delete(table: Exclude<Table, "rev">, key: Uint8Array): void {
    this.#active.hold(table, textFromBytes(key), undefined);
  }

  /** The event last written to `writer`. They come in order of revision, above all that the backend holds. */
  appendEvent(main: number, sub: number, writer: ByteWriter): void {
    this.#active.run.append(main, sub, writer);
    this.#active.bytes += EVENT_OVERHEAD_BYTES + writer.length;
  }

  deleteEvent(main: number, sub: number): void {
    const removed = this.#active.run.remove(main, sub);
    if (removed === undefined) this.#active.hold("rev", textFromBytes(encodeRevKey(main, sub)), undefined);
    else this.#active.bytes -= removed;
  }

  event(main: number, sub: number): Uint8Array | undefined {
    const record = this.#active.run.get(main, sub);
    return record ?? this.#olderEvent(main, sub, encodeRevKey(main, sub));
  }

  #olderEvent(main: number, sub: number, key: Uint8Array): Uint8Array | undefined {
    for (const generation of this.#generations()) {
      if (generation.rev.size > 0 && generation.rev.get(textFromBytes(key)) !== undefined) return undefined;
      const record = generation.run.get(main, sub);
      if (record !== undefined) return record;
    }
    return this.#backend.get("rev", key);
  }

  get(table: Table, key: Uint8Array): Uint8Array | undefined {
    if (table === "rev") {
      const { main, sub } = decodeRevKey(key);
      return this.event(main, sub);
    }
    const text = textFromBytes(key);
    for (const generation of this.#generations()) {
      const held = generation[table].get(text);
      if (held !== undefined) return generation.encode(held.value);
    }
    return this.#backend.get(table, key);
  }

  /** Void after the next write. A range that ends before it begins is empty. */
  scan(table: Table, options: ScanOptions): IterableIterator<readonly [Uint8Array, Uint8Array]> {
    const { start, end, reverse = false } = options;
    if (end !== undefined && compareBytes(start, end) >= 0) return [].values();
    const range = { start: textFromBytes(start), end: end && textFromBytes(end), reverse };
    const cursors = this.#generations().flatMap((generation) => generation.cursors(table, range));
    const below = this.#backend.scan(table, options);
    if (cursors.length === 0) return below;
    return new MergedScan({ cursors, below, reverse, encode: (value) => this.#active.encode(value) });
  }

  /** Newest first. */
  #generations(): Generation[] {
    return this.#flushing === undefined ? [this.#active] : [this.#active, this.#flushing];
  }

  freeze(): FrozenBatch {
    assert(this.#flushing === undefined, "a batch is frozen only when the one before is released");
    const generation = this.#active;
    this.#flushing = generation;
    this.#active = new Generation(generation.id + 1);
    return { writes: generation.writes(), bytes: generation.bytes };
  }

  /** The frozen batch is durable, and the backend shows it to every read from now on. */
  release(): void {
    assert(this.#flushing !== undefined, "only a frozen batch is released");
    this.#flushing = undefined;
  }
}

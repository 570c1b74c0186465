import type { KeyState } from "./history.ts";

/** A record in memory, in the generation that it was written in. */
export interface HeldRecord {
  /** The key as one unit a byte. */
  readonly text: string;
  /** Bytes, or what they are made of when they are needed. undefined hides what lies below. */
  value: HeldValue | undefined;
  readonly generation: number;
}

export type HeldValue = Uint8Array | KeyState;

/** A leaf splits in half beyond this. */
const LEAF_MAX_RECORDS = 128;

/**
 * Records in order of their keys: a B+tree of two levels. The directory of leaves is one array; with the few
 * hundred thousand records that an overlay may hold it stays so short that to splice it costs less than a
 * third level would. Keys in ascending order fill leaves without splitting any. Nothing is ever taken out.
 */
export class SortedRecords {
  /** Never empty leaves, ascending. */
  readonly #leaves: HeldRecord[][] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(text: string): HeldRecord | undefined {
    const leaf = this.#leaves[this.#leafBefore(text)];
    const record = leaf?.[lowerBound(leaf, text)];
    return record?.text === text ? record : undefined;
  }

  /** The record with this key, or `record` added in its place. */
  getOrAdd(record: HeldRecord): HeldRecord {
    const leaves = this.#leaves;
    const { text } = record;
    const last = leaves[leaves.length - 1];
    if (last === undefined || last[last.length - 1]!.text < text) {
      if (last !== undefined && last.length < LEAF_MAX_RECORDS) last.push(record);
      else leaves.push([record]);
    } else {
      const at = Math.max(0, this.#leafBefore(text));
      const leaf = leaves[at]!;
      const index = lowerBound(leaf, text);
      const held = leaf[index];
      if (held?.text === text) return held;
      this.#insert(at, index, record);
    }
    this.#size++;
    return record;
  }

  #insert(at: number, index: number, record: HeldRecord): void {
    const leaf = this.#leaves[at]!;
    leaf.splice(index, 0, record);
    if (leaf.length <= LEAF_MAX_RECORDS) return;
    this.#leaves.splice(at + 1, 0, leaf.splice(LEAF_MAX_RECORDS / 2));
  }

  /** The last leaf whose first key is at or before `text`; -1 when there is none. */
  #leafBefore(text: string): number {
    const leaves = this.#leaves;
    let low = 0;
    let high = leaves.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (leaves[middle]![0]!.text <= text) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  forEach(visit: (record: HeldRecord) => void): void {
    for (const leaf of this.#leaves) {
      for (let i = 0; i < leaf.length; i++) visit(leaf[i]!);
    }
  }

  scan(range: TextRange): RecordCursor {
    const { start, end, reverse } = range;
    if (!reverse) return new ForwardCursor(this.#leaves, this.#position(start), end);
    const last = end === undefined ? { leaf: this.#leaves.length, index: 0 } : this.#position(end);
    return new ReverseCursor(this.#leaves, last, start);
  }

  /** Of the first record at or after `text`. */
  #position(text: string): Position {
    const leaf = Math.max(0, this.#leafBefore(text));
    const records = this.#leaves[leaf];
    return { leaf, index: records === undefined ? 0 : lowerBound(records, text) };
  }
}

/** [start, end); `end` undefined: to the end. */
export interface TextRange {
  readonly start: string;
  readonly end: string | undefined;
  readonly reverse: boolean;
}

interface Position {
  readonly leaf: number;
  readonly index: number;
}

/** Gives the records of a scan one after the other, then undefined. Void once its records change. */
export interface RecordCursor {
  next(): ScannedRecord | undefined;
}

export type ScannedRecord = Pick<HeldRecord, "text" | "value">;

class ForwardCursor implements RecordCursor {
  readonly #leaves: readonly HeldRecord[][];
  readonly #end: string | undefined;
  #leaf: number;
  #index: number;

  constructor(leaves: readonly HeldRecord[][], from: Position, end: string | undefined) {
    this.#leaves = leaves;
    this.#leaf = from.leaf;
    this.#index = from.index;
    this.#end = end;
  }

  next(): HeldRecord | undefined {
    let leaf = this.#leaves[this.#leaf];
    if (leaf !== undefined && this.#index >= leaf.length) {
      leaf = this.#leaves[++this.#leaf];
      this.#index = 0;
    }
    const record = leaf?.[this.#index];
    if (record === undefined || (this.#end !== undefined && record.text >= this.#end)) return undefined;
    this.#index++;
    return record;
  }
}

class ReverseCursor implements RecordCursor {
  readonly #leaves: readonly HeldRecord[][];
  readonly #start: string;
  #leaf: number;
  /** One past the next record. */
  #index: number;

  constructor(leaves: readonly HeldRecord[][], before: Position, start: string) {
    this.#leaves = leaves;
    this.#leaf = before.leaf;
    this.#index = before.index;
    this.#start = start;
  }

  next(): HeldRecord | undefined {
    if (this.#index === 0) {
      if (this.#leaf === 0) return undefined;
      this.#index = this.#leaves[--this.#leaf]!.length;
    }
    const record = this.#leaves[this.#leaf]![this.#index - 1]!;
    if (record.text < this.#start) return undefined;
    this.#index--;
    return record;
  }
}

/** Index of the first record at or after `text`. */
function lowerBound(records: readonly HeldRecord[], text: string): number {
  let low = 0;
  let high = records.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (records[middle]!.text < text) low = middle + 1;
    else high = middle;
  }
  return low;
}

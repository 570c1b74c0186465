import { bytesFromText, textFromBytes } from "./bytes.ts";
import type { HeldValue, RecordCursor, ScannedRecord } from "./sorted-records.ts";

type Row = readonly [Uint8Array, Uint8Array];

interface MergedScanParts {
  /** Newest first, all above `below`. */
  readonly cursors: readonly RecordCursor[];
  readonly below: Iterator<Row>;
  readonly reverse: boolean;
  readonly encode: (value: HeldValue | undefined) => Uint8Array | undefined;
}

/** Merges scans in one direction: of records with the same key the first source's counts. */
export class MergedScan implements IterableIterator<Row> {
  readonly #parts: MergedScanParts;
  readonly #heads: (ScannedRecord | undefined)[];
  #belowRow: Row | undefined;
  #belowText = "";

  constructor(parts: MergedScanParts) {
    this.#parts = parts;
    this.#heads = parts.cursors.map((cursor) => cursor.next());
    this.#advanceBelow();
  }

  [Symbol.iterator](): this {
    return this;
  }

  next(): IteratorResult<Row> {
    for (;;) {
      const first = this.#firstHead();
      const belowRow = this.#belowRow;
      if (first === undefined || (belowRow !== undefined && this.#precedes(this.#belowText, first.text))) {
        if (belowRow === undefined) return { done: true, value: undefined };
        this.#advanceBelow();
        return { done: false, value: belowRow };
      }
      this.#skip(first.text);
      const value = this.#parts.encode(first.value);
      if (value !== undefined) return { done: false, value: [bytesFromText(first.text), value] };
    }
  }

  return(): IteratorResult<Row> {
    this.#belowRow = undefined;
    this.#heads.fill(undefined);
    this.#parts.below.return?.();
    return { done: true, value: undefined };
  }

  #precedes(a: string, b: string): boolean {
    return this.#parts.reverse ? a > b : a < b;
  }

  #firstHead(): ScannedRecord | undefined {
    let first: ScannedRecord | undefined;
    for (const head of this.#heads) {
      if (head !== undefined && (first === undefined || this.#precedes(head.text, first.text))) first = head;
    }
    return first;
  }

  #skip(text: string): void {
    const { cursors } = this.#parts;
    for (let i = 0; i < this.#heads.length; i++) {
      if (this.#heads[i]?.text === text) this.#heads[i] = cursors[i]!.next();
    }
    if (this.#belowRow !== undefined && this.#belowText === text) this.#advanceBelow();
  }

  #advanceBelow(): void {
    const result = this.#parts.below.next();
    this.#belowRow = result.done === true ? undefined : result.value;
    if (this.#belowRow !== undefined) this.#belowText = textFromBytes(this.#belowRow[0]);
  }
}

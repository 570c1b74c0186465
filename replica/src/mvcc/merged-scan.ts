import { textFromBytes } from "./bytes.ts";
import type { HeldRecord, RecordCursor } from "./sorted-records.ts";

type Row = readonly [Uint8Array, Uint8Array];

/** Merges scans in one direction: of records with the same key the first source's counts. */
export class MergedScan implements IterableIterator<Row> {
  readonly #cursors: readonly RecordCursor[];
  readonly #heads: (HeldRecord | undefined)[];
  readonly #below: Iterator<Row>;
  readonly #reverse: boolean;
  #belowRow: Row | undefined;
  #belowText = "";

  /** `cursors` newest first, all above `below`. */
  constructor(cursors: readonly RecordCursor[], below: Iterator<Row>, reverse: boolean) {
    this.#cursors = cursors;
    this.#heads = cursors.map((cursor) => cursor.next());
    this.#below = below;
    this.#reverse = reverse;
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
      if (first.value !== undefined) return { done: false, value: [first.key, first.value] };
    }
  }

  return(): IteratorResult<Row> {
    this.#belowRow = undefined;
    this.#heads.fill(undefined);
    this.#below.return?.();
    return { done: true, value: undefined };
  }

  #precedes(a: string, b: string): boolean {
    return this.#reverse ? a > b : a < b;
  }

  #firstHead(): HeldRecord | undefined {
    let first: HeldRecord | undefined;
    for (const head of this.#heads) {
      if (head !== undefined && (first === undefined || this.#precedes(head.text, first.text))) first = head;
    }
    return first;
  }

  #skip(text: string): void {
    for (let i = 0; i < this.#heads.length; i++) {
      if (this.#heads[i]?.text === text) this.#heads[i] = this.#cursors[i]!.next();
    }
    if (this.#belowRow !== undefined && this.#belowText === text) this.#advanceBelow();
  }

  #advanceBelow(): void {
    const result = this.#below.next();
    this.#belowRow = result.done === true ? undefined : result.value;
    if (this.#belowRow !== undefined) this.#belowText = textFromBytes(this.#belowRow[0]);
  }
}

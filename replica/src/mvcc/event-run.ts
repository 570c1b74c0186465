import { assert } from "../assert.ts";
import { textFromBytes } from "./bytes.ts";
import { encodeRevKey } from "./records.ts";
import type { RecordCursor, ScannedRecord, TextRange } from "./sorted-records.ts";

/**
 * The events of one generation. They come in ascending order of revision, so they are a plain list: no tree,
 * no keys, until one is asked for.
 */
export class EventRun {
  readonly #mains: number[] = [];
  readonly #subs: number[] = [];
  /** undefined: removed again. */
  readonly #records: (Uint8Array | undefined)[] = [];

  get length(): number {
    return this.#mains.length;
  }

  append(main: number, sub: number, record: Uint8Array): void {
    const last = this.#mains.length - 1;
    assert(
      last < 0 || this.#mains[last]! < main || (this.#mains[last] === main && this.#subs[last]! < sub),
      "events are appended in order of revision",
    );
    this.#mains.push(main);
    this.#subs.push(sub);
    this.#records.push(record);
  }

  /** undefined when it is not here. */
  get(main: number, sub: number): Uint8Array | undefined {
    const at = this.#lowerBound(main, sub);
    return this.#mains[at] === main && this.#subs[at] === sub ? this.#records[at] : undefined;
  }

  /** Returns the bytes given up; undefined when the event is not here. */
  remove(main: number, sub: number): number | undefined {
    const at = this.#lowerBound(main, sub);
    if (this.#mains[at] !== main || this.#subs[at] !== sub) return undefined;
    const bytes = this.#records[at]?.length ?? 0;
    this.#records[at] = undefined;
    return bytes;
  }

  *[Symbol.iterator](): Generator<{ key: Uint8Array; value: Uint8Array }> {
    for (let i = 0; i < this.#mains.length; i++) {
      const value = this.#records[i];
      if (value !== undefined) yield { key: encodeRevKey(this.#mains[i]!, this.#subs[i]!), value };
    }
  }

  scan({ start, end, reverse }: TextRange): RecordCursor {
    const low = this.#position(start);
    const high = end === undefined ? this.#mains.length : this.#position(end);
    let at = reverse ? high - 1 : low;
    return {
      next: (): ScannedRecord | undefined => {
        for (; reverse ? at >= low : at < high; at += reverse ? -1 : 1) {
          const value = this.#records[at];
          if (value === undefined) continue;
          const text = this.#text(at);
          at += reverse ? -1 : 1;
          return { text, value };
        }
        return undefined;
      },
    };
  }

  #text(at: number): string {
    return textFromBytes(encodeRevKey(this.#mains[at]!, this.#subs[at]!));
  }

  /** Index of the first event whose key is at or after `text`, which may be no key of rev. */
  #position(text: string): number {
    let low = 0;
    let high = this.#mains.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#text(middle) < text) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #lowerBound(main: number, sub: number): number {
    const mains = this.#mains;
    let low = 0;
    let high = mains.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const at = mains[middle]!;
      if (at < main || (at === main && this.#subs[middle]! < sub)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

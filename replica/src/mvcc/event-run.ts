import { assert } from "../assert.ts";
import type { KvWrite } from "../storage/kv-backend.types.ts";
import { type ByteWriter, textFromBytes } from "./bytes.ts";
import { encodeRevKey, writeRevKey } from "./records.ts";
import type { RecordCursor, ScannedRecord, TextRange } from "./sorted-records.ts";

/**
 * The events of one generation. They come in ascending order of revision, so they are a plain list: no tree,
 * no keys, until one is asked for.
 */
export class EventRun {
  readonly #mains: number[] = [];
  readonly #subs: number[] = [];
  /** Where the records are; length 0: removed again. Views are made when they are asked for. */
  readonly #slabs: Uint8Array[] = [];
  readonly #offsets: number[] = [];
  readonly #lengths: number[] = [];

  get length(): number {
    return this.#mains.length;
  }

  /** The record is what was last written to `writer`. */
  append(main: number, sub: number, writer: ByteWriter): void {
    const last = this.#mains.length - 1;
    assert(
      last < 0 || this.#mains[last]! < main || (this.#mains[last] === main && this.#subs[last]! < sub),
      "events are appended in order of revision",
    );
    this.#mains.push(main);
    this.#subs.push(sub);
    this.#slabs.push(writer.slab);
    this.#offsets.push(writer.start);
    this.#lengths.push(writer.length);
  }

  /** undefined when it is not here. */
  get(main: number, sub: number): Uint8Array | undefined {
    const at = this.#lowerBound(main, sub);
    return this.#mains[at] === main && this.#subs[at] === sub ? this.#record(at) : undefined;
  }

  /** Returns the bytes given up; undefined when the event is not here. */
  remove(main: number, sub: number): number | undefined {
    const at = this.#lowerBound(main, sub);
    if (this.#mains[at] !== main || this.#subs[at] !== sub) return undefined;
    const bytes = this.#lengths[at]!;
    this.#lengths[at] = 0;
    return bytes;
  }

  writeTo(writes: KvWrite[], writer: ByteWriter): void {
    for (let i = 0; i < this.#mains.length; i++) {
      const value = this.#record(i);
      if (value === undefined) continue;
      writes.push({ table: "rev", key: writeRevKey(writer, this.#mains[i]!, this.#subs[i]!), value });
    }
  }

  #record(at: number): Uint8Array | undefined {
    const length = this.#lengths[at]!;
    if (length === 0) return undefined;
    const slab = this.#slabs[at]!;
    return new Uint8Array(slab.buffer, slab.byteOffset + this.#offsets[at]!, length);
  }

  scan({ start, end, reverse }: TextRange): RecordCursor {
    const low = this.#position(start);
    const high = end === undefined ? this.#mains.length : this.#position(end);
    let at = reverse ? high - 1 : low;
    return {
      next: (): ScannedRecord | undefined => {
        for (; reverse ? at >= low : at < high; at += reverse ? -1 : 1) {
          const value = this.#record(at);
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

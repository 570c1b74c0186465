import type { EngineRange } from "@rstore/replica/storage/machine.types";

/** What a record takes in a data file beside its key and its value. */
export const recordOverheadBytes = 6;

/** Records of raw bytes in bytewise order of their keys. What is stored is never changed, only replaced. */
export class SortedTable {
  /** From `#head` on; what is before was removed from the front, as the log does with its oldest entries. */
  #keys: Buffer[] = [];
  #values: Buffer[] = [];
  #head = 0;
  #bytes = 0;
  /** Changed since, by whatever: a range that is being read must not go on over it. */
  #changes = 0;

  get size(): number {
    return this.#keys.length - this.#head;
  }

  /** Of all records in a data file. */
  get bytes(): number {
    return this.#bytes;
  }

  clone(): SortedTable {
    const clone = new SortedTable();
    clone.#keys = this.#keys.slice(this.#head);
    clone.#values = this.#values.slice(this.#head);
    clone.#bytes = this.#bytes;
    return clone;
  }

  get(key: Uint8Array): Buffer | undefined {
    const at = this.#lowerBound(key);
    return this.#holds(at, key) ? this.#values[at] : undefined;
  }

  /** Keeps both. */
  put(key: Buffer, value: Buffer): void {
    this.#changes += 1;
    const last = this.size === 0 ? undefined : this.#keys.at(-1);
    const isLast = last === undefined || Buffer.compare(last, key) < 0;
    const at = isLast ? this.#keys.length : this.#lowerBound(key);
    if (this.#holds(at, key)) {
      this.#bytes += value.byteLength - this.#values[at]!.byteLength;
      this.#values[at] = value;
      return;
    }
    this.#bytes += recordOverheadBytes + key.byteLength + value.byteLength;
    if (at === this.#keys.length) {
      this.#keys.push(key);
      this.#values.push(value);
    } else {
      this.#keys.splice(at, 0, key);
      this.#values.splice(at, 0, value);
    }
  }

  remove(key: Uint8Array): void {
    const at = this.#lowerBound(key);
    if (!this.#holds(at, key)) return;
    this.#changes += 1;
    this.#bytes -= recordOverheadBytes + this.#keys[at]!.byteLength + this.#values[at]!.byteLength;
    if (at === this.#head) {
      this.#dropFirst();
    } else {
      this.#keys.splice(at, 1);
      this.#values.splice(at, 1);
    }
  }

  #dropFirst(): void {
    this.#head += 1;
    if (this.#head < 64 || this.#head * 2 < this.#keys.length) return;
    this.#keys = this.#keys.slice(this.#head);
    this.#values = this.#values.slice(this.#head);
    this.#head = 0;
  }

  clear(): void {
    this.#changes += 1;
    this.#keys = [];
    this.#values = [];
    this.#head = 0;
    this.#bytes = 0;
  }

  /** The record at a place in the order. */
  at(position: number): readonly [Buffer, Buffer] | undefined {
    const key = this.#keys[this.#head + position];
    return key && [key, this.#values[this.#head + position]!];
  }

  /** Answers copies, which are the caller's. */
  *range({ start, end, reverse = false, limit }: EngineRange): IterableIterator<readonly [Buffer, Buffer]> {
    const from = start === undefined ? this.#head : this.#lowerBound(start);
    const to = end === undefined ? this.#keys.length : this.#lowerBound(end);
    const count = Math.min(Math.max(0, to - from), limit ?? Number.POSITIVE_INFINITY);
    const changes = this.#changes;
    for (let i = 0; i < count; i += 1) {
      if (changes !== this.#changes) throw new Error("a range was read on after the turn in which it began");
      const at = reverse ? to - 1 - i : from + i;
      yield [Buffer.from(this.#keys[at]!), Buffer.from(this.#values[at]!)];
    }
  }

  #holds(at: number, key: Uint8Array): boolean {
    const found = this.#keys[at];
    return found !== undefined && Buffer.compare(found, key) === 0;
  }

  /** The first place whose key is not below. */
  #lowerBound(key: Uint8Array): number {
    let low = this.#head;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (Buffer.compare(this.#keys[middle]!, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

import { assert } from "../assert.ts";
import type { Entry } from "../raft/types.ts";
import { entryBytes } from "./log-record.ts";

/** The newest entries of the log, contiguous up to its end, bounded in bytes. */
export class LogCache {
  readonly #maxBytes: number;
  /** Live from `#head` on; what is before was dropped and waits for the next move. */
  #entries: (Entry | undefined)[] = [];
  #head = 0;
  #first = 1n;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Index of the first entry that is here; one after the log's last when there is none. */
  get firstIndex(): bigint {
    return this.#first;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get length(): number {
    return this.#entries.length - this.#head;
  }

  /** Forgets everything; the next entry must have index `next`. */
  clear(next: bigint): void {
    this.#entries = [];
    this.#head = 0;
    this.#bytes = 0;
    this.#first = next;
  }

  at(index: bigint): Entry | undefined {
    if (index < this.#first) return undefined;
    return this.#entries[this.#head + Number(index - this.#first)];
  }

  push(entry: Entry): void {
    assert(entry.index === this.#first + BigInt(this.length), "a gap in the cached tail of the log");
    this.#entries.push(entry);
    this.#bytes += entryBytes(entry);
    while (this.#bytes > this.#maxBytes && this.length > 1) this.#drop();
  }

  /** Drops the entries from `index` on. */
  truncateFrom(index: bigint): void {
    if (index <= this.#first) {
      this.clear(index);
      return;
    }
    const keep = this.#head + Number(index - this.#first);
    for (let i = keep; i < this.#entries.length; i++) this.#bytes -= entryBytes(this.#entries[i]!);
    this.#entries.length = Math.min(keep, this.#entries.length);
  }

  /** Drops the entries up to and with `index`. */
  dropThrough(index: bigint): void {
    while (this.length > 0 && this.#first <= index) this.#drop();
    if (this.#first <= index) this.#first = index + 1n;
  }

  #drop(): void {
    this.#bytes -= entryBytes(this.#entries[this.#head]!);
    this.#entries[this.#head++] = undefined;
    this.#first++;
    if (this.#head > 1024 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
  }
}

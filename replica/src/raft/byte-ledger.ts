/** The sizes of consecutive entries above some index, and their sum; a queue that allocates little. */
export class ByteLedger {
  #sizes: number[] = [];
  #start = 0;
  /** Index of the entry whose size is at #start. */
  #firstIndex = 0n;
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** Empties it; the next entry that is added has this index. */
  reset(nextIndex: bigint): void {
    this.#sizes = [];
    this.#start = 0;
    this.#firstIndex = nextIndex;
    this.#bytes = 0;
  }

  /** The next entry has `bytes`. */
  add(bytes: number): void {
    this.#sizes.push(bytes);
    this.#bytes += bytes;
  }

  /** Takes out the entries up to and with `index`. */
  releaseTo(index: bigint): void {
    while (this.#firstIndex <= index && this.#start < this.#sizes.length) {
      this.#bytes -= this.#sizes[this.#start]!;
      this.#start++;
      this.#firstIndex++;
    }
    if (this.#start === this.#sizes.length) {
      this.#sizes.length = 0;
      this.#start = 0;
    } else if (this.#start >= 1024 && this.#start * 2 >= this.#sizes.length) {
      this.#sizes.splice(0, this.#start);
      this.#start = 0;
    }
  }
}

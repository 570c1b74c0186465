import { assert } from "../../assert.ts";

/**
 * The AppendEntries on their way to one follower, oldest first: a ring of (last index, bytes), bounded in
 * count and in bytes.
 */
export class Inflights {
  readonly #maxMessages: number;
  readonly #maxBytes: number;
  readonly #lastIndexes: bigint[] = [];
  readonly #sizes: number[] = [];
  #start = 0;
  #count = 0;
  #bytes = 0;

  constructor(maxMessages: number, maxBytes: number) {
    this.#maxMessages = maxMessages;
    this.#maxBytes = maxBytes;
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** One message may pass `maxBytes`: a message is sent as long as there is any room. */
  isFull(): boolean {
    return this.#count === this.#maxMessages || this.#bytes >= this.#maxBytes;
  }

  /** A message ending at `lastIndex` was sent. Indices ascend. */
  add(lastIndex: bigint, bytes: number): void {
    assert(!this.isFull(), "inflights: add to a full window");
    const slot = (this.#start + this.#count) % this.#maxMessages;
    this.#lastIndexes[slot] = lastIndex;
    this.#sizes[slot] = bytes;
    this.#count++;
    this.#bytes += bytes;
  }

  /** Everything up to `index` was acknowledged. */
  freeTo(index: bigint): void {
    while (this.#count > 0 && this.#lastIndexes[this.#start]! <= index) {
      this.#bytes -= this.#sizes[this.#start]!;
      this.#start = (this.#start + 1) % this.#maxMessages;
      this.#count--;
    }
  }

  reset(): void {
    this.#start = 0;
    this.#count = 0;
    this.#bytes = 0;
  }
}

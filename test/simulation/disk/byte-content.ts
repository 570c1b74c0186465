import type { CrashChoice } from "./crash-choice.ts";

/** What a disk writes as a whole, unless it is torn. */
const sectorBytes = 512;

type ByteChange =
  | { readonly kind: "write"; readonly at: number; readonly size: number; readonly data: Buffer | undefined }
  | { readonly kind: "truncate"; readonly size: number };

export type Fate = "clean" | "kept" | "torn" | "lost";

/** The bytes of a file: as the running process sees them, and as they are on the disk. */
export class ByteContent {
  #seen = new Bytes();
  #durable = new Bytes();
  #pending: ByteChange[] = [];

  static durable(data: Uint8Array): ByteContent {
    const content = new ByteContent();
    content.#seen.write(0, data.byteLength, Buffer.from(data));
    content.#durable = content.#seen.clone();
    return content;
  }

  get size(): number {
    return this.#seen.size;
  }

  get isFlushed(): boolean {
    return this.#pending.length === 0;
  }

  read(into: Uint8Array, length: number, position: number): number {
    return this.#seen.read(into, length, position);
  }

  seen(): Buffer {
    return this.#seen.toBuffer();
  }

  durable(): Buffer {
    return this.#durable.toBuffer();
  }

  write(at: number, bytes: Uint8Array): void {
    // A file that only keeps space free, of whatever size, costs nothing.
    const data = isZero(bytes) ? undefined : Buffer.from(bytes);
    this.#change({ kind: "write", at, size: bytes.byteLength, data });
  }

  truncate(size: number): void {
    this.#change({ kind: "truncate", size });
  }

  #change(change: ByteChange): void {
    this.#pending.push(change);
    this.#seen.apply(change);
  }

  /** What a flush that begins now covers; `settle` it at its end. */
  capture(): ReadonlySet<unknown> {
    return new Set(this.#pending);
  }

  settle(captured: ReadonlySet<unknown> = this.capture()): void {
    for (const change of this.#pending) if (captured.has(change)) this.#durable.apply(change);
    this.abandon(captured);
  }

  /** The flush failed: the kernel takes it for written from here on, and it never is (B5). */
  abandon(captured: ReadonlySet<unknown>): void {
    this.#pending = this.#pending.filter((change) => !captured.has(change));
  }

  /** Only what is durable, and what the crash chose to keep, is there from here on. */
  crash(choice: CrashChoice): Fate {
    const pending = this.#pending;
    this.#pending = [];
    if (pending.length === 0) {
      this.#seen = this.#durable.clone();
      return "clean";
    }
    const before = this.#durable.toBuffer();
    const asked = this.#seen;
    for (const change of pending) {
      if (change.kind === "write") keepSectors(this.#durable, change, choice);
      // What is written after a cut goes to other blocks, which the file gets after it.
      else if (choice.keeps()) this.#durable.apply(change);
      else break;
    }
    if (this.#durable.size < asked.size && choice.keeps()) this.#durable.size = asked.size;
    this.#seen = this.#durable.clone();
    const after = this.#durable.toBuffer();
    if (after.equals(asked.toBuffer())) return "kept";
    return after.equals(before) ? "lost" : "torn";
  }

  flipBit(position: number, bit: number): void {
    this.#seen.flip(position, bit);
    this.#durable.flip(position, bit);
  }

  /** What is durable, as a file of its own. */
  copyDurable(): ByteContent {
    const copy = new ByteContent();
    copy.#seen = this.#durable.clone();
    copy.#durable = this.#durable.clone();
    return copy;
  }
}

function keepSectors(
  onto: Bytes,
  { at, size, data }: ByteChange & { kind: "write" },
  choice: CrashChoice,
): void {
  // Zeros beyond the end are only a length.
  const step = (from: number): number =>
    data ? Math.min(sectorBytes - (from % sectorBytes), at + size - from) : size;
  for (let from = at; from < at + size; from += step(from)) {
    const kept = choice.bytesKept(step(from));
    if (kept > 0) onto.write(from, kept, data?.subarray(from - at, from - at + kept));
  }
}

/** Grows as it is written; zeros at its end take no memory. */
class Bytes {
  size = 0;
  #buffer = Buffer.alloc(0);
  /** Bytes of the buffer that were ever written; what follows is zeros. */
  #filled = 0;

  apply(change: ByteChange): void {
    if (change.kind === "write") this.write(change.at, change.size, change.data);
    else this.#cut(change.size);
  }

  write(at: number, size: number, data: Buffer | undefined): void {
    this.size = Math.max(this.size, at + size);
    if (data) {
      this.#reserve(at + size);
      this.#buffer.set(data.subarray(0, size), at);
      this.#filled = Math.max(this.#filled, at + size);
    } else if (at < this.#filled) {
      this.#buffer.fill(0, at, Math.min(at + size, this.#filled));
    }
  }

  read(into: Uint8Array, length: number, position: number): number {
    const count = Math.max(0, Math.min(length, this.size - position));
    const filled = Math.max(0, Math.min(count, this.#filled - position));
    into.set(this.#buffer.subarray(position, position + filled));
    into.fill(0, filled, count);
    return count;
  }

  toBuffer(): Buffer {
    const bytes = Buffer.alloc(this.size);
    this.read(bytes, this.size, 0);
    return bytes;
  }

  clone(): Bytes {
    const clone = new Bytes();
    clone.size = this.size;
    clone.#filled = this.#filled;
    clone.#buffer = Buffer.from(this.#buffer.subarray(0, this.#filled));
    return clone;
  }

  flip(position: number, bit: number): void {
    if (position >= this.size) return;
    this.#reserve(position + 1);
    this.#filled = Math.max(this.#filled, position + 1);
    this.#buffer[position]! ^= 1 << bit;
  }

  #cut(size: number): void {
    if (size < this.#filled) {
      this.#buffer.fill(0, size, this.#filled);
      this.#filled = size;
    }
    this.size = size;
  }

  #reserve(size: number): void {
    if (size <= this.#buffer.byteLength) return;
    const grown = Buffer.alloc(Math.max(size, 2 * this.#buffer.byteLength));
    grown.set(this.#buffer.subarray(0, this.#filled));
    this.#buffer = grown;
  }
}

function isZero(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.byteLength; i += 1) if (bytes[i] !== 0) return false;
  return true;
}

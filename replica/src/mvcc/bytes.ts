import { assert } from "../assert.ts";

export const NO_BYTES = new Uint8Array(0);

const latin1Slice = Buffer.prototype.latin1Slice;
const latin1Write = Buffer.prototype.latin1Write;

/** One UTF-16 unit for each byte: compares with `<` as the bytes do, and can key a Map. */
export function textFromBytes(bytes: Uint8Array): string {
  return latin1Slice.call(bytes as Buffer, 0, bytes.length);
}

export function bytesFromText(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  latin1Write.call(bytes as Buffer, text, 0, text.length);
  return bytes;
}

export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a, b);
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}

/** The first key after `key` in byte order. */
export function keyAfter(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}

/** Bytes that {@link ByteWriter.varint} takes for a value. */
export function varintBytes(value: number): number {
  let bytes = 1;
  while (value >= 0x80) {
    value = Math.floor(value / 0x80);
    bytes++;
  }
  return bytes;
}

/** Longest varint: 53 bits, seven a byte. */
export const VARINT_MAX_BYTES = 8;

/** A slab ends up pinned by its last record, so it is small. */
const SLAB_BYTES = 64 * 1024;

/**
 * Writes records one after the other into slabs of memory: one allocation for many records. Integers are
 * LEB128 varints up to 2^53 - 1, fixed ones big-endian.
 */
export class ByteWriter {
  readonly #slabBytes: number;
  #slab: Uint8Array = NO_BYTES;
  #start = 0;
  #offset = 0;

  constructor(slabBytes: number = SLAB_BYTES) {
    this.#slabBytes = slabBytes;
  }

  /** Begins a record that takes at most `maxBytes`. */
  begin(maxBytes: number): void {
    if (this.#slab.length - this.#offset < maxBytes) {
      this.#slab = Buffer.allocUnsafeSlow(Math.max(maxBytes, this.#slabBytes));
      this.#offset = 0;
    }
    this.#start = this.#offset;
  }

  /** The record since `begin`: a view that nobody writes to again. */
  end(): Uint8Array {
    return new Uint8Array(this.#slab.buffer, this.#slab.byteOffset + this.#start, this.#offset - this.#start);
  }

  /** Where the record is, for who keeps this instead of a view: the slab and the offset in it. */
  get slab(): Uint8Array {
    return this.#slab;
  }

  get start(): number {
    return this.#start;
  }

  /** Bytes written since `begin`. */
  get length(): number {
    return this.#offset - this.#start;
  }

  u8(value: number): void {
    this.#slab[this.#offset++] = value;
  }

  u32(value: number): void {
    const slab = this.#slab;
    let offset = this.#offset;
    slab[offset++] = value >>> 24;
    slab[offset++] = value >>> 16;
    slab[offset++] = value >>> 8;
    slab[offset++] = value;
    this.#offset = offset;
  }

  /** A non-negative safe integer as 64 bits. */
  u64(value: number): void {
    this.u32(Math.floor(value / 0x1_0000_0000));
    this.u32(value >>> 0);
  }

  big64(value: bigint): void {
    this.u32(Number(value >> 32n));
    this.u32(Number(value & 0xffff_ffffn));
  }

  varint(value: number): void {
    const slab = this.#slab;
    let offset = this.#offset;
    while (value >= 0x1000_0000) {
      slab[offset++] = (value & 0x7f) | 0x80;
      value = Math.floor(value / 0x80);
    }
    while (value >= 0x80) {
      slab[offset++] = (value & 0x7f) | 0x80;
      value >>>= 7;
    }
    slab[offset++] = value;
    this.#offset = offset;
  }

  bytes(value: Uint8Array): void {
    this.#slab.set(value, this.#offset);
    this.#offset += value.length;
  }

  /** One unit a byte. */
  text(value: string): void {
    latin1Write.call(this.#slab as Buffer, value, this.#offset, value.length);
    this.#offset += value.length;
  }
}

/** Reads what {@link ByteWriter} wrote. Reading beyond the end is found by `finish` or the next view. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get offset(): number {
    return this.#offset;
  }

  u8(): number {
    return this.#bytes[this.#offset++]!;
  }

  u32(): number {
    const bytes = this.#bytes;
    const offset = this.#offset;
    this.#offset = offset + 4;
    return (
      ((bytes[offset]! << 24) |
        (bytes[offset + 1]! << 16) |
        (bytes[offset + 2]! << 8) |
        bytes[offset + 3]!) >>>
      0
    );
  }

  u64(): number {
    const high = this.u32();
    return high * 0x1_0000_0000 + this.u32();
  }

  big64(): bigint {
    const high = this.u32();
    return (BigInt(high) << 32n) | BigInt(this.u32());
  }

  varint(): number {
    const bytes = this.#bytes;
    let byte = bytes[this.#offset++]!;
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    let scale = 0x80;
    do {
      byte = bytes[this.#offset++]!;
      value += (byte & 0x7f) * scale;
      scale *= 0x80;
    } while (byte >= 0x80);
    return value;
  }

  /** A view of the next bytes, not a copy. */
  view(length: number): Uint8Array {
    const start = this.#offset;
    assert(start + length <= this.#bytes.length, "a record ends in the middle of a field");
    this.#offset = start + length;
    return this.#bytes.subarray(start, start + length);
  }

  rest(): Uint8Array {
    return this.view(this.#bytes.length - this.#offset);
  }

  finish(): void {
    assert(this.#offset === this.#bytes.length, "a record is shorter or longer than its fields");
  }
}

import type { Revision } from "./history.ts";

const P1 = 0x9e3779b1;
const P2 = 0x85ebca77;
const P3 = 0xc2b2ae3d;
const P4 = 0x27d4eb2f;
const P5 = 0x165667b1;

/**
 * XXH32 of bytes[start, end) (Y. Collet, xxHash specification §"XXH32"). Not a crc32: that is in node:zlib,
 * which pure code does not import, and takes three times as long when written here.
 */
export function xxh32(bytes: Uint8Array, start: number, end: number, seed: number): number {
  let at = start;
  let hash: number;
  if (end - start >= 16) {
    let a = (seed + P1 + P2) | 0;
    let b = (seed + P2) | 0;
    let c = seed | 0;
    let d = (seed - P1) | 0;
    for (const stripesEnd = end - 15; at < stripesEnd; at += 16) {
      a = round(a, word(bytes, at));
      b = round(b, word(bytes, at + 4));
      c = round(c, word(bytes, at + 8));
      d = round(d, word(bytes, at + 12));
    }
    hash = (rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18)) | 0;
  } else {
    hash = (seed + P5) | 0;
  }
  hash = (hash + (end - start)) | 0;
  for (; at + 4 <= end; at += 4) {
    hash = Math.imul(rotate((hash + Math.imul(word(bytes, at), P3)) | 0, 17), P4);
  }
  for (; at < end; at++) {
    hash = Math.imul(rotate((hash + Math.imul(bytes[at]!, P5)) | 0, 11), P1);
  }
  hash = Math.imul(hash ^ (hash >>> 15), P2);
  hash = Math.imul(hash ^ (hash >>> 13), P3);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function word(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function round(lane: number, input: number): number {
  return Math.imul(rotate((lane + Math.imul(input, P2)) | 0, 13), P1);
}

/**
 * A 64-bit hash over a sequence of changes. One step maps the hash one-to-one for a given input, so two
 * sequences that once had different hashes never agree again while they go on equally.
 */
export class RollingHash {
  #a: number;
  #b: number;

  constructor(value = 0n) {
    this.#a = Number(value >> 32n) | 0;
    this.#b = Number(value & 0xffff_ffffn) | 0;
  }

  get value(): bigint {
    return (BigInt(this.#a >>> 0) << 32n) | BigInt(this.#b >>> 0);
  }

  mix(input: number): void {
    const a = Math.imul(rotate(this.#a ^ input, 13), P1);
    this.#b = Math.imul(rotate((this.#b + a) | 0, 17), P3);
    this.#a = (a + this.#b) | 0;
  }

  /** A position (a revision, an index) and a tag for what happened there. */
  mixPosition(main: number, tag: number): void {
    this.mix(main | 0);
    this.mix(Math.floor(main / 0x1_0000_0000) ^ Math.imul(tag, P4));
  }

  /** One event: its revision, and the digest of its content. */
  mixEvent(revision: Revision, digest: number): void {
    this.mixPosition(revision.main, revision.sub);
    this.mix(digest);
  }
}

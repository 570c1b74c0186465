import { assert } from "../assert.ts";
import { ByteReader, type ByteWriter, VARINT_MAX_BYTES } from "./bytes.ts";
import { CHAIN_BASE, type Chain, KeyState, skipLevels } from "./history.ts";

/**
 * The records of `store/`. Integers are LEB128 varints unless said otherwise.
 *
 * `rev`: main revision and sub index, each 8 bytes big-endian → event:
 *   format (1 byte), depth, pointers (main, sub for each level; history.ts), then the *content*: flags (1 byte),
 *   version, create revision, lease (8 bytes big-endian, if flagged), key length, key, value (the rest).
 *   A tombstone has version 0, create revision 0 and no value.
 * `cur`: a live key → state: format (1 byte), main, sub, depth, pointers, flags, version, create, lease.
 * `idx`: a deleted key whose history is not yet compacted → the state its tombstone left, in the same form.
 * `meta`: see meta.ts and the applier.
 *
 * Keys are stored as they are, so the longest record key is a key's 1,024 bytes; LMDB takes 1,978.
 */
const EVENT_FORMAT = 1;
const STATE_FORMAT = 1;
const HAS_LEASE = 1;
const NO_SKIPS: readonly number[] = [];

export const REV_KEY_BYTES = 16;

/** The disk holds a record that this version of rstore does not know: it was written by a newer one. */
export class UnknownFormatError extends Error {
  constructor(record: string, format: number | undefined) {
    super(
      `the store holds a ${record} of format ${format}, which this version of rstore does not know; start the version that wrote it or a newer one`,
    );
    this.name = "UnknownFormatError";
  }
}

export interface EventRecord {
  /** Of the key after this event. */
  readonly state: KeyState;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export function writeRevKey(writer: ByteWriter, main: number, sub: number): Uint8Array {
  writer.begin(REV_KEY_BYTES);
  writer.u64(main);
  writer.u64(sub);
  return writer.end();
}

export function encodeRevKey(main: number, sub: number): Uint8Array {
  const key = new Uint8Array(REV_KEY_BYTES);
  const high = Math.floor(main / 0x1_0000_0000);
  for (let i = 0; i < 4; i++) {
    const shift = 24 - 8 * i;
    key[i] = high >>> shift;
    key[4 + i] = (main >>> 0) >>> shift;
    key[12 + i] = sub >>> shift;
  }
  return key;
}

export function decodeRevKey(bytes: Uint8Array): { main: number; sub: number } {
  assert(bytes.length === REV_KEY_BYTES, "a key of rev has 16 bytes");
  const reader = new ByteReader(bytes);
  return { main: reader.u64(), sub: reader.u64() };
}

function writeChain(writer: ByteWriter, state: KeyState): void {
  const { depth, skips } = state;
  writer.varint(depth);
  if (depth === 1) return;
  writer.varint(state.previousMain);
  writer.varint(state.previousSub);
  for (let i = 0; i < skips.length; i++) writer.varint(skips[i]!);
}

function readChain(reader: ByteReader): Chain {
  const depth = reader.varint();
  const previousMain = depth === 1 ? 0 : reader.varint();
  const previousSub = depth === 1 ? 0 : reader.varint();
  if (depth <= CHAIN_BASE) return { depth, previousMain, previousSub, skips: NO_SKIPS };
  const skips: number[] = [];
  for (let left = 2 * skipLevels(depth); left > 0; left--) skips.push(reader.varint());
  return { depth, previousMain, previousSub, skips };
}

function writeLife(writer: ByteWriter, state: KeyState): void {
  const { lease } = state;
  writer.u8(lease === 0n ? 0 : HAS_LEASE);
  writer.varint(state.version);
  writer.varint(state.create);
  if (lease !== 0n) writer.big64(lease);
}

function readLife(reader: ByteReader): { version: number; create: number; lease: bigint } {
  const flags = reader.u8();
  const version = reader.varint();
  const create = reader.varint();
  return { version, create, lease: flags & HAS_LEASE ? reader.big64() : 0n };
}

function stateMaxBytes(state: KeyState): number {
  return 2 + 8 + (7 + state.skips.length) * VARINT_MAX_BYTES;
}

/** Leaves the event in the writer, and returns where its content begins in it: what hashes cover. */
export function writeEvent(writer: ByteWriter, state: KeyState, key: Uint8Array, value: Uint8Array): number {
  writer.begin(stateMaxBytes(state) + VARINT_MAX_BYTES + key.length + value.length);
  writer.u8(EVENT_FORMAT);
  writeChain(writer, state);
  const contentOffset = writer.length;
  writeLife(writer, state);
  writer.varint(key.length);
  writer.bytes(key);
  writer.bytes(value);
  return contentOffset;
}

/** The state of an event, without its key and value. */
export function decodeEventState(main: number, sub: number, record: Uint8Array): KeyState {
  return readEventState(new ByteReader(record), main, sub);
}

function readEventState(reader: ByteReader, main: number, sub: number): KeyState {
  const format = reader.u8();
  if (format !== EVENT_FORMAT) throw new UnknownFormatError("record of rev", format);
  const chain = readChain(reader);
  return new KeyState({ main, sub }, readLife(reader), chain);
}

/** Where the content of an event begins: what hashes cover. */
export function contentOffsetOf(record: Uint8Array): number {
  const reader = new ByteReader(record);
  reader.u8();
  readChain(reader);
  return reader.offset;
}

export function decodeEvent(main: number, sub: number, record: Uint8Array): EventRecord {
  const reader = new ByteReader(record);
  const state = readEventState(reader, main, sub);
  const key = reader.view(reader.varint());
  return { state, key, value: reader.rest() };
}

export function writeState(writer: ByteWriter, state: KeyState): Uint8Array {
  writer.begin(stateMaxBytes(state));
  writer.u8(STATE_FORMAT);
  writer.varint(state.main);
  writer.varint(state.sub);
  writeChain(writer, state);
  writeLife(writer, state);
  return writer.end();
}

export function decodeState(record: Uint8Array): KeyState {
  const reader = new ByteReader(record);
  const format = reader.u8();
  if (format !== STATE_FORMAT) throw new UnknownFormatError("record of cur or idx", format);
  const main = reader.varint();
  const sub = reader.varint();
  const chain = readChain(reader);
  const state = new KeyState({ main, sub }, readLife(reader), chain);
  reader.finish();
  return state;
}

import { crc32 } from "node:zlib";
import { assert } from "../assert.ts";
import type { Entry } from "../raft/types.ts";

export const logFormatVersion = 1;

/** crc32, format, type, two bytes of zero, term, position; then the data. Little-endian. */
export const recordHeaderBytes = 24;

/** What one entry counts beside its data: the record's header, its key and LMDB's own node. */
export const entryOverheadBytes = 40;

const types = ["normal", "configuration"] as const;

export interface LogRecord {
  readonly entry: Entry;
  /** Bytes of all entries ever appended up to and with this one: differences are sizes. */
  readonly position: bigint;
}

export type LogRecordFault = "checksum" | "format";

/** Entries in order of their index. */
export function entryKey(index: bigint): Buffer {
  const key = Buffer.allocUnsafe(8);
  key.writeBigUInt64BE(index);
  return key;
}

export function indexOfKey(key: Uint8Array): bigint {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).readBigUInt64BE();
}

export function entryBytes(entry: Entry): number {
  return entry.data.byteLength + entryOverheadBytes;
}

/** The checksum covers the key too: a record under the wrong index is damage. */
export function encodeLogRecord(key: Uint8Array, entry: Entry, position: bigint): Buffer {
  const record = Buffer.allocUnsafeSlow(recordHeaderBytes + entry.data.byteLength);
  const type = types.indexOf(entry.type);
  assert(type >= 0, `unknown type of entry ${entry.type}`);
  record[4] = logFormatVersion;
  record[5] = type;
  record[6] = 0;
  record[7] = 0;
  record.writeBigUInt64LE(entry.term, 8);
  record.writeBigUInt64LE(position, 16);
  record.set(entry.data, recordHeaderBytes);
  record.writeUInt32LE(crc32(record.subarray(4), crc32(key)), 0);
  return record;
}

/** `record` is not copied: `data` is a view of it. */
export function decodeLogRecord(key: Uint8Array, record: Buffer): LogRecord | LogRecordFault {
  if (record.byteLength < recordHeaderBytes) return "checksum";
  if (record.readUInt32LE(0) !== crc32(record.subarray(4), crc32(key))) return "checksum";
  const type = types[record[5]!];
  if (record[4] !== logFormatVersion || type === undefined) return "format";
  const data = record.subarray(recordHeaderBytes);
  const entry: Entry = { index: indexOfKey(key), term: record.readBigUInt64LE(8), type, data };
  return { entry, position: record.readBigUInt64LE(16) };
}

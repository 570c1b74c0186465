import { crc32 } from "node:zlib";
import type { HardState, IndexedConfiguration } from "../raft/types.ts";
import type { StorageIdentity } from "./types.ts";

/** Keys of table `meta` of `raft/`. */
export const identityKey: Uint8Array = Buffer.from("identity");
export const boundsKey: Uint8Array = Buffer.from("bounds");
export const baseConfigurationKey: Uint8Array = Buffer.from("configuration");

/** Where the log begins and ends, and the hard state: one record, written by every transaction. */
export interface LogBounds {
  readonly hardState: HardState;
  /** The last entry that is no longer there; 0n at the beginning. */
  readonly baseIndex: bigint;
  readonly baseTerm: bigint;
  readonly basePosition: bigint;
  /** The last entry; the base when the log is empty. A log that ends elsewhere is damaged (B10). */
  readonly lastIndex: bigint;
  readonly lastTerm: bigint;
  readonly lastPosition: bigint;
}

export const emptyBounds: LogBounds = {
  hardState: { term: 0n, vote: 0n, commit: 0n },
  baseIndex: 0n,
  baseTerm: 0n,
  basePosition: 0n,
  lastIndex: 0n,
  lastTerm: 0n,
  lastPosition: 0n,
};

export const raftFormatVersion = 1;

export type Decoded<T> =
  | { readonly value: T }
  | { readonly fault: "checksum" }
  | { readonly fault: "format" };

/** crc32 of the rest, format version, two bytes of zero, then u64 fields and bytes. Little-endian. */
function encodeFields(fields: readonly bigint[], rest: Uint8Array = new Uint8Array()): Buffer {
  const bytes = Buffer.allocUnsafeSlow(8 + fields.length * 8 + rest.byteLength);
  bytes.writeUInt16LE(raftFormatVersion, 4);
  bytes.writeUInt16LE(0, 6);
  fields.forEach((field, i) => void bytes.writeBigUInt64LE(field, 8 + i * 8));
  bytes.set(rest, 8 + fields.length * 8);
  bytes.writeUInt32LE(crc32(bytes.subarray(4)), 0);
  return bytes;
}

function decodeFields(bytes: Buffer, count: number): Decoded<{ fields: bigint[]; rest: Buffer }> {
  if (bytes.byteLength < 8 + count * 8 || bytes.readUInt32LE(0) !== crc32(bytes.subarray(4))) {
    return { fault: "checksum" };
  }
  if (bytes.readUInt16LE(4) !== raftFormatVersion) return { fault: "format" };
  const fields = Array.from({ length: count }, (_, i) => bytes.readBigUInt64LE(8 + i * 8));
  return { value: { fields, rest: bytes.subarray(8 + count * 8) } };
}

export function encodeBounds(bounds: LogBounds): Buffer {
  const { hardState } = bounds;
  return encodeFields([
    hardState.term,
    hardState.vote,
    hardState.commit,
    bounds.baseIndex,
    bounds.baseTerm,
    bounds.basePosition,
    bounds.lastIndex,
    bounds.lastTerm,
    bounds.lastPosition,
  ]);
}

export function decodeBounds(bytes: Buffer): Decoded<LogBounds> {
  const decoded = decodeFields(bytes, 9);
  if ("fault" in decoded) return decoded;
  const [term, vote, commit, baseIndex, baseTerm, basePosition, lastIndex, lastTerm, lastPosition] = decoded
    .value.fields as [bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint];
  return {
    value: {
      hardState: { term, vote, commit },
      baseIndex,
      baseTerm,
      basePosition,
      lastIndex,
      lastTerm,
      lastPosition,
    },
  };
}

/** 0n stands for "none" in the fields that may be absent: no cluster, member or index is 0n. */
export function encodeIdentity(identity: StorageIdentity): Buffer {
  return encodeFields([
    identity.memberId,
    identity.clusterId ?? 0n,
    identity.incarnation,
    identity.joinedIndex ?? 0n,
    identity.removedIndex ?? 0n,
  ]);
}

export function decodeIdentity(bytes: Buffer): Decoded<StorageIdentity> {
  const decoded = decodeFields(bytes, 5);
  if ("fault" in decoded) return decoded;
  const [memberId, clusterId, incarnation, joined, removed] = decoded.value.fields as [
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
  ];
  return {
    value: {
      memberId,
      clusterId: clusterId || undefined,
      incarnation,
      joinedIndex: joined || undefined,
      removedIndex: removed || undefined,
    },
  };
}

/** The configuration that the log was compacted with: whom to ask when `store/` is lost. */
export interface BaseConfiguration {
  readonly index: IndexedConfiguration["index"];
  readonly configuration: Uint8Array;
}

export function encodeBaseConfiguration(base: BaseConfiguration): Buffer {
  return encodeFields([base.index], base.configuration);
}

export function decodeBaseConfiguration(bytes: Buffer): Decoded<BaseConfiguration> {
  const decoded = decodeFields(bytes, 1);
  if ("fault" in decoded) return decoded;
  return { value: { index: decoded.value.fields[0]!, configuration: decoded.value.rest } };
}

/** The higher of two positions. */
export function later(a: bigint, b: bigint): bigint {
  return a < b ? b : a;
}

/** The lower of two positions. */
export function earlier(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

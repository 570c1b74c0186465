import { crc32 } from "node:zlib";
import { FatalError } from "../errors.ts";

/** Version of the layout of `store/`; a higher one on disk was written by a newer rstore. */
export const storeFormatVersion = 1;

/** Key in table `meta` of the record that says what `store/` holds. Written in every batch. */
export const appliedKey: Uint8Array = Buffer.from("applied");

/**
 * What `store/` holds. It is written in the same transaction as the changes of the entries that it counts
 * (B8), and travels with a snapshot.
 */
export interface StoreMeta {
  /** The last entry whose effects are in the store; 0n: none. */
  readonly appliedIndex: bigint;
  readonly appliedTerm: bigint;
  /** The configuration in force there: the index of its entry, and its bytes as in that entry. */
  readonly configurationIndex: bigint;
  readonly configuration: Uint8Array;
  readonly clusterId: bigint;
  /** Switches what changes the result of applying; 0 until it is raised through the log. */
  readonly clusterVersion: number;
}

/** crc32, format version, cluster version, then four u64 and the configuration. */
const headerBytes = 4 + 2 + 2 + 4 * 8;

/** The value of `appliedKey`: little-endian, with a checksum of its own. */
export function encodeStoreMeta(meta: StoreMeta): Uint8Array {
  const bytes = Buffer.allocUnsafe(headerBytes + meta.configuration.byteLength);
  bytes.writeUInt16LE(storeFormatVersion, 4);
  bytes.writeUInt16LE(meta.clusterVersion, 6);
  bytes.writeBigUInt64LE(meta.appliedIndex, 8);
  bytes.writeBigUInt64LE(meta.appliedTerm, 16);
  bytes.writeBigUInt64LE(meta.configurationIndex, 24);
  bytes.writeBigUInt64LE(meta.clusterId, 32);
  bytes.set(meta.configuration, headerBytes);
  bytes.writeUInt32LE(crc32(bytes.subarray(4)), 0);
  return bytes;
}

/** Throws FatalError corruptStore, or unknownFormat for what a newer rstore wrote. */
export function decodeStoreMeta(value: Uint8Array): StoreMeta {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (bytes.byteLength < headerBytes || bytes.readUInt32LE(0) !== crc32(bytes.subarray(4))) {
    throw new FatalError("corruptStore", "store/: the record of the applied index is damaged");
  }
  const version = bytes.readUInt16LE(4);
  if (version !== storeFormatVersion) {
    throw new FatalError(
      "unknownFormat",
      `store/ has format ${version}, this rstore knows ${storeFormatVersion}: use the version that wrote it, or a newer one`,
    );
  }
  return {
    clusterVersion: bytes.readUInt16LE(6),
    appliedIndex: bytes.readBigUInt64LE(8),
    appliedTerm: bytes.readBigUInt64LE(16),
    configurationIndex: bytes.readBigUInt64LE(24),
    clusterId: bytes.readBigUInt64LE(32),
    configuration: Uint8Array.prototype.slice.call(bytes, headerBytes),
  };
}

import { ByteReader, ByteWriter, bytesFromText, VARINT_MAX_BYTES } from "./bytes.ts";
import type { Revision } from "./history.ts";
import { UnknownFormatError } from "./records.ts";

const META_FORMAT = 1;
const META_MAX_BYTES = 1 + 8 + 5 * VARINT_MAX_BYTES;

/** In table `meta`. */
export const HISTORY_META_KEY: Uint8Array = bytesFromText("history");

/** The counters of the history. All but `compactNext` are replicated: equal on members at one applied index. */
export interface HistoryMeta {
  /** Of the newest change; 1 in an empty store. */
  readonly revision: number;
  /** Reads below it are refused; 0: nothing was compacted. Never above `revision`. */
  readonly compacted: number;
  readonly liveKeys: number;
  /** Over everything applied (B14). */
  readonly hash: bigint;
  /** This member's own: compaction goes on here. Its work is done when main > compacted. */
  readonly compactNext: Revision;
}

export const EMPTY_HISTORY: HistoryMeta = {
  revision: 1,
  compacted: 0,
  liveKeys: 0,
  hash: 0n,
  compactNext: { main: 0, sub: 0 },
};

/** Format (1 byte), hash (8 bytes big-endian), then varints. */
export function encodeHistoryMeta(meta: HistoryMeta): Uint8Array {
  const writer = new ByteWriter(META_MAX_BYTES);
  writer.begin(META_MAX_BYTES);
  writer.u8(META_FORMAT);
  writer.big64(meta.hash);
  writer.varint(meta.revision);
  writer.varint(meta.compacted);
  writer.varint(meta.liveKeys);
  writer.varint(meta.compactNext.main);
  writer.varint(meta.compactNext.sub);
  return writer.end();
}

export function decodeHistoryMeta(record: Uint8Array): HistoryMeta {
  const reader = new ByteReader(record);
  const format = reader.u8();
  if (format !== META_FORMAT) throw new UnknownFormatError("record of meta", format);
  const meta = {
    hash: reader.big64(),
    revision: reader.varint(),
    compacted: reader.varint(),
    liveKeys: reader.varint(),
    compactNext: { main: reader.varint(), sub: reader.varint() },
  };
  reader.finish();
  return meta;
}

import { crc32 } from "node:zlib";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { type MessageBatch, MessageBatchSchema } from "@rstore/proto/rstore/peer/v1/message";
import {
  FetchSnapshotResponseSchema,
  type StreamRequest,
  StreamRequestSchema,
} from "@rstore/proto/rstore/peer/v1/peer";
import type { MemberId, Message } from "../raft/types.ts";
import { ENVELOPE_BYTES, writeEnvelopeHeader } from "./envelope.ts";
import {
  decodeMessage,
  decodeSnapshotOffer,
  decodeSnapshotRequest,
  EntryDataCursor,
  encodeMessage,
  encodeSnapshotOffer,
  encodeSnapshotRequest,
} from "./message-codec.ts";
import { PeerError } from "./peer-error.ts";
import type { SnapshotChunk, SnapshotOffer, SnapshotRequest } from "./types.ts";

/** What travels in one frame. */
export interface Frame {
  readonly messages: readonly Message[];
  readonly snapshotOffers: readonly SnapshotOffer[];
  readonly snapshotRequests: readonly SnapshotRequest[];
}

/** Buffers to be written one after another as one envelope, and their size together. */
export interface EncodedFrame {
  readonly pieces: readonly Uint8Array[];
  readonly sizeBytes: number;
}

/** Tags of StreamRequest's fields: (field number << 3) | wire type. */
const CHECKSUM_TAG = (2 << 3) | 5;
const MESSAGES_TAG = (3 << 3) | 2;
const ENTRY_DATA_TAG = (4 << 3) | 2;
/** Tags of FetchSnapshotResponse's fields. */
const CHUNK_OFFSET_TAG = (1 << 3) | 0;
const CHUNK_CHECKSUM_TAG = (2 << 3) | 5;
const CHUNK_DATA_TAG = (3 << 3) | 2;

/** Data from this size on goes to the socket from where it lies; less is copied beside its neighbours. */
const COPY_MAX_BYTES = 4096;

/**
 * A frame as an envelope with a StreamRequest. The outer message is written by hand so that large entry data
 * is not copied: protobuf-es would copy it once for every level of nesting. The data must stay as it is until
 * it is written.
 */
export function encodeFrame(frame: Frame): EncodedFrame {
  const entryData: Uint8Array[] = [];
  const batch: MessageBatch = {
    $typeName: "rstore.peer.v1.MessageBatch",
    messages: frame.messages.map((message) => encodeMessage(message, entryData)),
    snapshotOffers: frame.snapshotOffers.map(encodeSnapshotOffer),
    snapshotRequests: frame.snapshotRequests.map(encodeSnapshotRequest),
  };
  const messages = toBinary(MessageBatchSchema, batch);
  let checksum = crc32(messages);
  let fieldsBytes = 1 + 4 + 1 + varintBytes(messages.length) + messages.length;
  let copiedBytes = fieldsBytes;
  for (const data of entryData) {
    checksum = crc32(data, checksum);
    const headerBytes = 1 + varintBytes(data.length);
    fieldsBytes += headerBytes + data.length;
    copiedBytes += headerBytes + (data.length < COPY_MAX_BYTES ? data.length : 0);
  }
  const writer = new PieceWriter(copiedBytes, fieldsBytes);
  writer.fixed32(CHECKSUM_TAG, checksum);
  writer.bytes(MESSAGES_TAG, messages);
  for (const data of entryData) writer.data(ENTRY_DATA_TAG, data);
  return writer.finish();
}

/** A snapshot's chunk as an envelope with a FetchSnapshotResponse; its data is not copied. */
export function encodeChunk(chunk: SnapshotChunk): EncodedFrame {
  const { offset, checksum, data } = chunk;
  const headBytes = 1 + varintBytes(offset) + 1 + 4 + 1 + varintBytes(data.length);
  const copiedBytes = headBytes + (data.length < COPY_MAX_BYTES ? data.length : 0);
  const writer = new PieceWriter(copiedBytes, headBytes + data.length);
  writer.varint(CHUNK_OFFSET_TAG, offset);
  writer.fixed32(CHUNK_CHECKSUM_TAG, checksum);
  writer.data(CHUNK_DATA_TAG, data);
  return writer.finish();
}

/** Writes fields into one small buffer and leaves large byte fields where they are. */
class PieceWriter {
  readonly #small: Buffer;
  readonly #pieces: Uint8Array[] = [];
  readonly #sizeBytes: number;
  #position = ENVELOPE_BYTES;
  #pieceStart = 0;

  constructor(copiedBytes: number, fieldsBytes: number) {
    this.#small = Buffer.allocUnsafe(ENVELOPE_BYTES + copiedBytes);
    this.#sizeBytes = ENVELOPE_BYTES + fieldsBytes;
    writeEnvelopeHeader(this.#small, fieldsBytes);
  }

  fixed32(tag: number, value: number): void {
    this.#small[this.#position] = tag;
    this.#small.writeUInt32LE(value, this.#position + 1);
    this.#position += 5;
  }

  varint(tag: number, value: number): void {
    this.#small[this.#position++] = tag;
    let rest = value;
    while (rest > 0x7f) {
      this.#small[this.#position++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#small[this.#position++] = rest;
  }

  bytes(tag: number, data: Uint8Array): void {
    this.varint(tag, data.length);
    this.#small.set(data, this.#position);
    this.#position += data.length;
  }

  /** Like `bytes`, but large data stays where it is. */
  data(tag: number, data: Uint8Array): void {
    if (data.length < COPY_MAX_BYTES) {
      this.bytes(tag, data);
      return;
    }
    this.varint(tag, data.length);
    this.#pieces.push(this.#small.subarray(this.#pieceStart, this.#position), data);
    this.#pieceStart = this.#position;
  }

  finish(): EncodedFrame {
    if (this.#position > this.#pieceStart) {
      this.#pieces.push(this.#small.subarray(this.#pieceStart, this.#position));
    }
    return { pieces: this.#pieces, sizeBytes: this.#sizeBytes };
  }
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
}

/** Parses a StreamRequest, or throws PeerError "malformed". */
export function parseStreamRequest(data: Uint8Array): StreamRequest {
  return parse(() => fromBinary(StreamRequestSchema, data));
}

/**
 * The messages of a frame, verified: the checksum (C2), and that each is from the member that opened the
 * stream to the one that it was opened to (A14). Entry data are views of the frame's buffer. Throws PeerError.
 */
export function decodeFrame(request: StreamRequest, from: MemberId, to: MemberId): Frame {
  if (request.open !== undefined) throw new PeerError("malformed", "a stream is opened once");
  let checksum = crc32(request.messages);
  for (const data of request.entryData) checksum = crc32(data, checksum);
  if (checksum !== request.checksum) {
    throw new PeerError("checksum", `frame checksum ${request.checksum}, its content has ${checksum}`);
  }
  const batch = parse(() => fromBinary(MessageBatchSchema, request.messages));
  const entryData = new EntryDataCursor(request.entryData);
  const frame = {
    messages: batch.messages.map((message) => decodeMessage(message, entryData)),
    snapshotOffers: batch.snapshotOffers.map(decodeSnapshotOffer),
    snapshotRequests: batch.snapshotRequests.map(decodeSnapshotRequest),
  };
  entryData.assertEnd();
  for (const message of frame.messages) assertBound(message, from, to);
  for (const offer of frame.snapshotOffers) assertBound(offer, from, to);
  for (const asked of frame.snapshotRequests) assertBound(asked, from, to);
  return frame;
}

/** Parses a FetchSnapshotResponse's chunk and verifies its checksum, or throws PeerError. */
export function decodeChunk(data: Uint8Array): SnapshotChunk {
  const response = parse(() => fromBinary(FetchSnapshotResponseSchema, data));
  const offset = Number(response.offset);
  const checksum = crc32(response.data);
  if (checksum !== response.checksum) {
    throw new PeerError("checksum", `the snapshot's chunk at ${offset} does not fit its checksum`);
  }
  return { offset, data: response.data, checksum };
}

function assertBound(
  message: { readonly from: MemberId; readonly to: MemberId },
  from: MemberId,
  to: MemberId,
): void {
  if (message.from === from && message.to === to) return;
  throw new PeerError(
    "misdirected",
    `a message from ${message.from} to ${message.to} on a stream from ${from} to ${to}`,
  );
}

/** protobuf-es throws errors of several classes for bytes that it cannot read. */
export function parse<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new PeerError("malformed", "bytes that are not the expected message", { cause: error });
  }
}

import type { Message } from "@rstore/replica/raft/types";
import { EnvelopeReader } from "@rstore/replica/transport/envelope";
import {
  decodeChunk,
  decodeFrame,
  type EncodedFrame,
  encodeChunk,
  encodeFrame,
  type Frame,
  parseStreamRequest,
} from "@rstore/replica/transport/frame-codec";
import { PeerError } from "@rstore/replica/transport/peer-error";
import type { PeerHello, SnapshotChunk } from "@rstore/replica/transport/types";
import type { Random } from "../world/random.ts";
import { deepFreeze } from "./deep-freeze.ts";
import type { Link } from "./link.ts";
import type { NetworkParts } from "./network-parts.ts";
import type { Body, ChunkBytes, FrameBytes } from "./parcel.ts";

const MESSAGE_BYTES = 32;
const ENTRY_BYTES = 16;
const OFFER_BYTES = 128;

/** A body and what it takes on the line. */
export interface Packed {
  readonly body: Body;
  readonly sizeBytes: number;
}

export function packFrame(parts: NetworkParts, link: Link, frame: Frame): Packed {
  if (!parts.throughCodecs) {
    if (parts.freezes) deepFreeze(frame);
    return { body: { type: "frame", frame }, sizeBytes: approximateBytes(frame) };
  }
  parts.world.coverage.count("network.through-codecs");
  const sent = joined(encodeFrame(frame));
  const bytes = maybeCorrupted(parts, link, sent);
  return { body: { type: "frame-bytes", bytes, sent }, sizeBytes: sent.length };
}

export function packChunk(parts: NetworkParts, link: Link, chunk: SnapshotChunk): Packed {
  if (!parts.throughCodecs) {
    if (parts.freezes) deepFreeze(chunk);
    return { body: { type: "chunk", chunk }, sizeBytes: OFFER_BYTES + chunk.data.length };
  }
  const sent = joined(encodeChunk(chunk));
  const bytes = maybeCorrupted(parts, link, sent);
  return { body: { type: "chunk-bytes", bytes, sent }, sizeBytes: sent.length };
}

/** Reads what one connection brings. Throws PeerError for what production ends the connection for. */
export class FrameReader {
  readonly #parts: NetworkParts;
  readonly #reader: EnvelopeReader;
  /** A bit flipped in something that was read: what comes after may be cut at the wrong places. */
  #tainted = false;

  constructor(parts: NetworkParts, frameMaxBytes: number) {
    this.#parts = parts;
    this.#reader = new EnvelopeReader(frameMaxBytes);
  }

  readFrame(frame: Frame, hello: PeerHello): Frame {
    for (const message of frame.messages) assertBound(message, hello);
    for (const offer of frame.snapshotOffers) assertBound(offer, hello);
    for (const asked of frame.snapshotRequests) assertBound(asked, hello);
    return frame;
  }

  readFrames(body: FrameBytes, hello: PeerHello): Frame[] {
    return this.#envelopes(body).map((data) => {
      const frame = decodeFrame(parseStreamRequest(data), hello.from, hello.to);
      if (this.#tainted) this.#compare(encodeFrame(frame), body);
      return frame;
    });
  }

  readChunks(body: ChunkBytes): SnapshotChunk[] {
    return this.#envelopes(body).map((data) => {
      const chunk = decodeChunk(data);
      // The offset is not covered by the checksum, but must follow the last chunk's.
      if (this.#tainted) this.#compare(encodeChunk({ ...chunk, offset: 0 }), withoutOffset(body));
      return chunk;
    });
  }

  /** As production's, of what comes as bytes. */
  assertEnds(nowMs: number, maxMs: number): void {
    this.#reader.assertEnds(nowMs, maxMs);
  }

  #envelopes(body: FrameBytes | ChunkBytes): Uint8Array[] {
    if (body.bytes !== body.sent) {
      this.#tainted = true;
      this.#parts.world.coverage.count("network.corrupted");
    }
    return this.#reader.push(body.bytes).map(({ endStream, data }) => {
      if (endStream) throw new PeerError("malformed", "an end of stream from the caller");
      return data;
    });
  }

  #compare(read: EncodedFrame, { sent }: { readonly sent: Buffer }): void {
    if (joined(read).equals(sent)) return;
    this.#parts.world.fail("frame-integrity", "a frame was read as another than was sent");
  }
}

function withoutOffset({ sent }: ChunkBytes): { readonly sent: Buffer } {
  const reader = new EnvelopeReader(sent.length);
  const [envelope] = reader.push(sent);
  return { sent: joined(encodeChunk({ ...decodeChunk(envelope!.data), offset: 0 })) };
}

function joined({ pieces }: EncodedFrame): Buffer {
  // A copy in any case: the data of entries must stay as it is only until it is written.
  return Buffer.concat(pieces);
}

/** The same bytes, or a copy in which a bit has flipped. */
export function maybeCorrupted({ random }: NetworkParts, { weather }: Link, sent: Buffer): Buffer {
  if (weather.corruptChance === 0 || !random.chance(weather.corruptChance)) return sent;
  return flipBit(sent, random);
}

function flipBit(sent: Buffer, random: Random): Buffer {
  const bytes = Buffer.from(sent);
  const at = random.between(0, bytes.length - 1);
  bytes[at] = bytes[at]! ^ (1 << random.between(0, 7));
  return bytes;
}

function assertBound(message: { readonly from: bigint; readonly to: bigint }, { from, to }: PeerHello): void {
  if (message.from === from && message.to === to) return;
  throw new PeerError(
    "misdirected",
    `a message from ${message.from} to ${message.to} on a stream from ${from} to ${to}`,
  );
}

function approximateBytes(frame: Frame): number {
  let sizeBytes = OFFER_BYTES * (frame.snapshotOffers.length + frame.snapshotRequests.length);
  for (const message of frame.messages) sizeBytes += messageBytes(message);
  return sizeBytes;
}

function messageBytes(message: Message): number {
  if (message.type !== "AppendEntries") return MESSAGE_BYTES;
  let sizeBytes = MESSAGE_BYTES;
  for (const { data } of message.entries) sizeBytes += ENTRY_BYTES + data.length;
  return sizeBytes;
}

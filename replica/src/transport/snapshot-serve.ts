import type { ServerHttp2Stream } from "node:http2";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { FetchSnapshotRequestSchema, FetchSnapshotResponseSchema } from "@rstore/proto/rstore/peer/v1/peer";
import type { MemberId } from "../raft/types.ts";
import { EnvelopeReader, endStreamEnvelope, envelopeOf } from "./envelope.ts";
import { encodeChunk, parse } from "./frame-codec.ts";
import { decodeHello, encodeFetchRefusal } from "./hello-codec.ts";
import { HELLO_MAX_BYTES, type InboundParts, judge } from "./inbound-stream.ts";
import { writePieces } from "./outgoing-stream.ts";
import { PeerError, peerErrorFrom } from "./peer-error.ts";
import { STREAMING_CONTENT_TYPE } from "./peer-session.ts";
import type { PeerHello, SnapshotChunk } from "./types.ts";

interface FetchRequest {
  readonly hello: PeerHello;
  readonly snapshotId: string;
  readonly offset: number;
}

/** Serves snapshots to followers, and tells the handler how each follower's fetching came out. */
export class SnapshotServer {
  readonly #parts: InboundParts;
  #streams = 0;
  /** Followers whose fetch broke off and who may come back; the value cancels the verdict "gave up". */
  readonly #broken = new Map<MemberId, () => void>();

  constructor(parts: InboundParts) {
    this.#parts = parts;
  }

  /** Serves one PeerService.FetchSnapshot. */
  serve(stream: ServerHttp2Stream): void {
    stream.respond({ ":status": 200, "content-type": STREAMING_CONTENT_TYPE });
    stream.on("error", () => {});
    this.#streams += 1;
    stream.once("close", () => {
      this.#streams -= 1;
    });
    this.#serve(stream).catch((error: unknown) => this.#fail(stream, peerErrorFrom(error)));
  }

  close(): void {
    for (const cancel of this.#broken.values()) cancel();
    this.#broken.clear();
  }

  async #serve(stream: ServerHttp2Stream): Promise<void> {
    const { handler, limits } = this.#parts;
    if (this.#streams > limits.snapshotsMax) {
      throw new PeerError(
        "exhausted",
        `${limits.snapshotsMax} snapshots are being sent already (snapshotsMax)`,
      );
    }
    const request = await this.#readRequest(stream);
    const { from } = request.hello;
    const refusal = await judge(this.#parts, request.hello);
    if (refusal !== undefined) {
      stream.write(envelopeOf(toBinary(FetchSnapshotResponseSchema, encodeFetchRefusal(refusal))));
      stream.end(endStreamEnvelope());
      return;
    }
    const chunks = handler.readSnapshot(request.snapshotId, request.offset);
    if (chunks === undefined)
      throw new PeerError("not-found", `snapshot ${request.snapshotId} is not here any more`);
    this.#cancelVerdict(from);
    let whole = false;
    stream.once("close", () => {
      // The caller ends its requests when it has read everything, and not only been sent it.
      this.#conclude(from, whole && stream.readableEnded && stream.rstCode === 0);
    });
    const { sentBytes } = this.#parts.links.traffic(from);
    for await (const chunk of chunks) {
      sentBytes.snapshot += await this.#writeChunk(stream, chunk);
      if (stream.destroyed) return;
    }
    whole = true;
    stream.end(endStreamEnvelope());
  }

  /** Resolves when the next chunk may be written: the reader's pace is the pace of reading from the disk. */
  #writeChunk(stream: ServerHttp2Stream, chunk: SnapshotChunk): Promise<number> {
    const { clock, limits } = this.#parts;
    const frame = encodeChunk(chunk);
    return new Promise((resolve) => {
      const done = (): void => {
        cancel();
        stream.off("close", done);
        resolve(frame.sizeBytes);
      };
      const cancel = clock.after(limits.stallTimeoutMs, () => stream.destroy());
      stream.once("close", done);
      if (stream.destroyed) return done();
      writePieces(stream, frame, done);
    });
  }

  #readRequest(stream: ServerHttp2Stream): Promise<FetchRequest> {
    const { clock, limits } = this.#parts;
    return new Promise((resolve, reject) => {
      const cancel = clock.after(limits.helloTimeoutMs, () =>
        reject(new PeerError("timeout", "no request in time")),
      );
      const reader = new EnvelopeReader(HELLO_MAX_BYTES);
      stream.on("data", (chunk: Buffer) => {
        try {
          const [envelope] = reader.push(chunk);
          if (envelope === undefined) return;
          cancel();
          resolve(decodeRequest(envelope.data));
        } catch (error) {
          cancel();
          reject(error);
        }
      });
      stream.once("close", () => {
        cancel();
        reject(new PeerError("unreachable", "the connection was closed"));
      });
    });
  }

  #conclude(follower: MemberId, whole: boolean): void {
    const { handler, clock, limits } = this.#parts;
    if (whole) {
      handler.snapshotFetched(follower, true);
      return;
    }
    this.#cancelVerdict(follower);
    const cancel = clock.after(limits.snapshotResumeMs, () => {
      this.#broken.delete(follower);
      handler.snapshotFetched(follower, false);
    });
    this.#broken.set(follower, cancel);
  }

  #cancelVerdict(follower: MemberId): void {
    this.#broken.get(follower)?.();
    this.#broken.delete(follower);
  }

  #fail(stream: ServerHttp2Stream, error: PeerError): void {
    this.#parts.log?.record("peer.snapshot.failed", { code: error.code, reason: error.message });
    if (stream.destroyed) return;
    stream.end(endStreamEnvelope(error));
    stream.close();
  }
}

function decodeRequest(data: Uint8Array): FetchRequest {
  const { hello, snapshotId, offset } = parse(() => fromBinary(FetchSnapshotRequestSchema, data));
  if (offset > BigInt(Number.MAX_SAFE_INTEGER)) throw new PeerError("malformed", `offset ${offset}`);
  return { hello: decodeHello(hello), snapshotId, offset: Number(offset) };
}

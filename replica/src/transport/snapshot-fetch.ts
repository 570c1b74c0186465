import type { ClientHttp2Stream } from "node:http2";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { FetchSnapshotRequestSchema, FetchSnapshotResponseSchema } from "@rstore/proto/rstore/peer/v1/peer";
import type { TransportClock } from "./clock.ts";
import { EnvelopeReader, envelopeOf, parseEndStream } from "./envelope.ts";
import { decodeChunk, parse } from "./frame-codec.ts";
import { decodeRefusal, encodeHello } from "./hello-codec.ts";
import type { PeerLimits } from "./limits.ts";
import { PeerError, peerErrorFrom } from "./peer-error.ts";
import {
  type DialSocket,
  destroySession,
  openSession,
  type PeerSession,
  peerPaths,
  requestHeaders,
  STREAMING_CONTENT_TYPE,
} from "./peer-session.ts";
import type { PeerHello, SnapshotChunk } from "./types.ts";

export interface SnapshotFetch {
  readonly url: URL;
  readonly hello: PeerHello;
  readonly snapshotId: string;
  /** Bytes that are here already. */
  readonly offset: number;
  readonly limits: PeerLimits;
  readonly clock: TransportClock;
  readonly dial: DialSocket;
  /** Aborts when the transport closes. */
  readonly signal: AbortSignal;
}

/**
 * Fetches a snapshot over a connection of its own, from an offset to its end. Chunks are verified and follow
 * one another without a gap. Slow consumers slow the sender by HTTP/2 flow control. Throws PeerError:
 * "unreachable", "timeout", "checksum" are worth a new attempt from the offset reached, "not-found" is not.
 */
export async function* fetchSnapshot(fetch: SnapshotFetch): AsyncGenerator<SnapshotChunk> {
  const connection = openSession(fetch.url, fetch.dial);
  const { session, socket } = connection;
  const stream = session.request(requestHeaders(peerPaths.fetchSnapshot, STREAMING_CONTENT_TYPE));
  const fail = (error: Error) => stream.destroy(error);
  session.on("error", fail);
  socket.on("error", fail);
  session.on("close", () => fail(new PeerError("unreachable", "the connection was closed")));
  const abort = () => fail(new PeerError("unreachable", "this member is closing"));
  if (fetch.signal.aborted) abort();
  fetch.signal.addEventListener("abort", abort);
  try {
    const request = toBinary(FetchSnapshotRequestSchema, {
      $typeName: "rstore.peer.v1.FetchSnapshotRequest",
      hello: encodeHello(fetch.hello),
      snapshotId: fetch.snapshotId,
      offset: BigInt(fetch.offset),
    });
    stream.write(envelopeOf(request));
    yield* readChunks(stream, fetch);
    await acknowledge(connection, stream, fetch);
  } catch (error) {
    throw reachable(error);
  } finally {
    fetch.signal.removeEventListener("abort", abort);
    destroySession(connection);
  }
}

/**
 * The end of the requests tells the sender that everything arrived. The answered ping tells that it was heard:
 * what is torn down before looks like a fetch that broke off.
 */
function acknowledge(
  { session }: PeerSession,
  stream: ClientHttp2Stream,
  fetch: SnapshotFetch,
): Promise<void> {
  return new Promise((resolve) => {
    const cancel = fetch.clock.after(fetch.limits.helloTimeoutMs, resolve);
    const done = (): void => {
      cancel();
      resolve();
    };
    stream.once("close", () => {
      if (session.destroyed || !session.ping(done)) done();
    });
    stream.end();
  });
}

/** Ends with the sender's end of stream; anything else that ends the connection is an error. */
async function* readChunks(stream: ClientHttp2Stream, fetch: SnapshotFetch): AsyncGenerator<SnapshotChunk> {
  const reader = new EnvelopeReader(fetch.limits.frameMaxBytes);
  let offset = fetch.offset;
  let ended = false;
  // Read to the end of the bytes as well: a stream that is left with something unread is reset, not ended.
  for await (const bytes of withProgress(stream, fetch)) {
    for (const { endStream, data } of reader.push(bytes)) {
      if (endStream) {
        const error = parseEndStream(data);
        if (error !== undefined) throw error;
        ended = true;
        continue;
      }
      const chunk = readChunk(data);
      if (chunk.offset !== offset) {
        throw new PeerError("malformed", `a chunk at ${chunk.offset} where ${offset} is expected`);
      }
      offset += chunk.data.length;
      yield chunk;
    }
  }
  if (!ended) throw new PeerError("unreachable", "the connection ended before the snapshot did");
}

/** Waits for bytes, but not for ever: the time runs only while this end waits. */
async function* withProgress(
  stream: ClientHttp2Stream,
  { limits, clock }: SnapshotFetch,
): AsyncGenerator<Buffer> {
  const iterator: AsyncIterator<Buffer> = stream.iterator({ destroyOnReturn: false });
  for (;;) {
    const cancel = clock.after(limits.stallTimeoutMs, () => {
      stream.destroy(
        new PeerError("timeout", `nothing of the snapshot arrived for ${limits.stallTimeoutMs} ms`),
      );
    });
    try {
      const next = await iterator.next();
      if (next.done === true) return;
      yield next.value;
    } finally {
      cancel();
    }
  }
}

function readChunk(data: Uint8Array): SnapshotChunk {
  const { refusal } = parse(() => fromBinary(FetchSnapshotResponseSchema, data));
  if (refusal === undefined) return decodeChunk(data);
  const reason = decodeRefusal(refusal);
  throw new PeerError("refused", `refused: ${reason.reason}`, { refusal: reason });
}

function reachable(error: unknown): PeerError {
  if (error instanceof PeerError) return error;
  const { message } = peerErrorFrom(error);
  return new PeerError("unreachable", message, { cause: error });
}

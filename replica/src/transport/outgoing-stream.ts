import type { ClientHttp2Stream } from "node:http2";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  StreamKind,
  type StreamRequest,
  StreamRequestSchema,
  StreamResponseSchema,
} from "@rstore/proto/rstore/peer/v1/peer";
import type { Logger } from "../log.ts";
import type { MemberId, Message } from "../raft/types.ts";
import { Backoff } from "./backoff.ts";
import type { TransportClock } from "./clock.ts";
import { EnvelopeReader, envelopeOf, parseEndStream } from "./envelope.ts";
import { type EncodedFrame, encodeFrame, parse } from "./frame-codec.ts";
import { decodeRefusal, encodeHello } from "./hello-codec.ts";
import type { PeerLimits } from "./limits.ts";
import { OutboundQueue } from "./outbound-queue.ts";
import { PeerError, peerErrorFrom } from "./peer-error.ts";
import type { LinkToken, PeerLinks } from "./peer-links.ts";
import { peerName } from "./peer-name.ts";
import {
  type DialSocket,
  destroySession,
  keepAlive,
  leaveSession,
  openSession,
  type PeerSession,
  peerPaths,
  requestHeaders,
  STREAMING_CONTENT_TYPE,
} from "./peer-session.ts";
import type { PeerHandler, PeerHello, SnapshotOffer, SnapshotRequest } from "./types.ts";

/** What every outgoing stream of a transport shares. */
export interface OutgoingParts {
  readonly handler: PeerHandler;
  readonly links: PeerLinks;
  readonly limits: PeerLimits;
  readonly clock: TransportClock;
  readonly random: () => number;
  readonly dial: DialSocket;
  readonly log: Logger | undefined;
}

export interface OutgoingStreamOptions {
  readonly peer: MemberId;
  readonly url: URL;
  readonly kind: "control" | "bulk";
  /** The peer welcomed the stream. */
  readonly opened: () => void;
  /** The stream ended, and is dialled again. */
  readonly ended: () => void;
  /** Calls beside the stream wait for their answers. */
  readonly hasCalls: () => boolean;
}

/** Larger answers than this no honest peer gives on a stream. */
const ANSWER_MAX_BYTES = 64 * 1024;

/** Why an attempt ended. Only "lost" means that the other end's process may be gone. */
type End = { readonly cause: "lost" | "ended" | "own" | "stopped"; readonly error: PeerError };

/** One dialled connection, from the socket to its end. */
interface Attempt {
  readonly connection: PeerSession;
  readonly stream: ClientHttp2Stream;
  readonly hello: PeerHello;
  token: LinkToken | undefined;
  openedMs: number;
  stopTimers: () => void;
  ended: boolean;
}

/**
 * One stream to a peer over a TCP connection of its own: dials for ever with backoff, says hello, and writes
 * what gathers in its queue. While there is no stream and none is being dialled, messages are dropped.
 */
export class OutgoingStream {
  readonly #parts: OutgoingParts;
  readonly #options: OutgoingStreamOptions;
  readonly #queue: OutboundQueue;
  readonly #backoff: Backoff;
  #attempt: Attempt | undefined;
  #cancelRetry: (() => void) | undefined;
  #roundTripMs: number | undefined;
  #dropped = false;

  constructor(parts: OutgoingParts, options: OutgoingStreamOptions) {
    const { limits, random } = parts;
    const control = options.kind === "control";
    this.#parts = parts;
    this.#options = options;
    this.#queue = new OutboundQueue({
      maxMessages: control ? limits.controlQueueMaxMessages : limits.bulkQueueMaxMessages,
      maxBytes: control ? limits.controlQueueMaxBytes : limits.bulkQueueMaxBytes,
      frameTargetBytes: limits.frameTargetBytes,
    });
    this.#backoff = new Backoff({ minMs: limits.backoffMinMs, maxMs: limits.backoffMaxMs, random });
  }

  get isOpen(): boolean {
    return this.#attempt?.token !== undefined;
  }

  get roundTripMs(): number | undefined {
    return this.isOpen ? this.#roundTripMs : undefined;
  }

  /** Waiting here or handed to the socket and not yet taken by it. */
  get queuedBytes(): number {
    return this.#queue.sizeBytes + (this.#attempt?.stream.writableLength ?? 0);
  }

  get queuedMessages(): number {
    return this.#queue.length;
  }

  /** The connection, for calls that go beside the stream; undefined while it is not open. */
  get connection(): PeerSession | undefined {
    return this.isOpen ? this.#attempt?.connection : undefined;
  }

  /** Begins to dial, at once, unless it does already. */
  dial(): void {
    if (this.#attempt !== undefined) return;
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    this.#begin();
  }

  /** Ends the stream and stops dialling, without a report. */
  stop(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    const attempt = this.#attempt;
    if (attempt === undefined) return;
    this.#finish(attempt, { cause: "stopped", error: new PeerError("unreachable", "stopped") });
  }

  push(message: Message): void {
    if (this.#attempt === undefined) this.#drop(1);
    else if (!this.#queue.push(message)) this.#refuse();
  }

  pushOffer(offer: SnapshotOffer): void {
    if (this.#attempt === undefined) this.#drop(1);
    else if (!this.#queue.pushOffer(offer)) this.#refuse();
  }

  pushRequest(request: SnapshotRequest): void {
    if (this.#attempt === undefined) this.#drop(1);
    else if (!this.#queue.pushRequest(request)) this.#refuse();
  }

  /** Writes what waits, as far as the socket keeps up; true: something was dropped since the last call. */
  flush(): boolean {
    const attempt = this.#attempt;
    if (attempt?.token !== undefined) this.#write(attempt);
    const dropped = this.#dropped;
    this.#dropped = false;
    return dropped;
  }

  #refuse(): void {
    const { peer, kind } = this.#options;
    this.#parts.log?.record("peer.queue.full", { peer: peerName(peer), stream: kind });
    this.#drop(1);
  }

  #drop(count: number): void {
    if (count === 0) return;
    this.#parts.links.traffic(this.#options.peer).messagesDropped += count;
    this.#dropped = true;
  }

  #write(attempt: Attempt): void {
    const { limits, links } = this.#parts;
    while (attempt.stream.writableLength < limits.writeAheadMaxBytes) {
      const frame = this.#queue.take();
      if (frame === undefined) return;
      const encoded = encodeFrame(frame);
      writePieces(attempt.stream, encoded, () => {
        if (!attempt.ended && this.#queue.length > 0) this.#write(attempt);
      });
      const traffic = links.traffic(this.#options.peer);
      traffic.sentBytes[this.#options.kind] += encoded.sizeBytes;
      traffic.sentMessages.snapshot += frame.snapshotOffers.length + frame.snapshotRequests.length;
      traffic.sent(frame.messages);
    }
  }

  #begin(): void {
    const { handler, dial, clock, limits } = this.#parts;
    const { peer, url, kind } = this.#options;
    const connection = openSession(url, dial);
    const { session } = connection;
    const stream = session.request(requestHeaders(peerPaths.stream, STREAMING_CONTENT_TYPE));
    const attempt: Attempt = {
      connection,
      stream,
      hello: handler.hello(peer),
      token: undefined,
      openedMs: 0,
      stopTimers: () => {},
      ended: false,
    };
    this.#attempt = attempt;
    const lost = (error?: unknown): void => {
      const message = error instanceof Error ? error.message : "the connection was closed";
      this.#finish(attempt, {
        cause: "lost",
        error: new PeerError("unreachable", message, { cause: error }),
      });
    };
    const late = (): void => {
      this.#finish(attempt, {
        cause: "own",
        error: new PeerError("timeout", "no answer to the hello in time"),
      });
    };
    for (const emitter of [stream, session, connection.socket]) {
      emitter.on("error", lost);
      emitter.on("close", lost);
    }
    session.on("goaway", () => lost());
    attempt.stopTimers = clock.after(limits.connectTimeoutMs, late);
    session.once("connect", () => {
      attempt.stopTimers();
      attempt.stopTimers = clock.after(limits.helloTimeoutMs, late);
    });
    stream.on("response", (headers) => {
      if (headers[":status"] === 200) return;
      this.#finish(attempt, {
        cause: "ended",
        error: new PeerError("internal", `HTTP status ${headers[":status"]}`),
      });
    });
    const reader = new EnvelopeReader(ANSWER_MAX_BYTES);
    stream.on("data", (chunk: Buffer) => this.#read(attempt, reader, chunk));
    const open: StreamRequest = {
      $typeName: "rstore.peer.v1.StreamRequest",
      open: {
        $typeName: "rstore.peer.v1.OpenStream",
        hello: encodeHello(attempt.hello),
        kind: kind === "control" ? StreamKind.CONTROL : StreamKind.BULK,
      },
      checksum: 0,
      messages: new Uint8Array(0),
      entryData: [],
    };
    stream.write(envelopeOf(toBinary(StreamRequestSchema, open)));
  }

  #read(attempt: Attempt, reader: EnvelopeReader, chunk: Buffer): void {
    if (attempt.ended) return;
    try {
      for (const { endStream, data } of reader.push(chunk)) {
        if (endStream)
          throw parseEndStream(data) ?? new PeerError("unreachable", "the peer ended the stream");
        this.#answered(attempt, data);
      }
    } catch (error) {
      this.#finish(attempt, { cause: "ended", error: peerErrorFrom(error) });
    }
  }

  /** The one answer of a stream. */
  #answered(attempt: Attempt, data: Uint8Array): void {
    const { peer } = this.#options;
    if (attempt.token !== undefined) throw new PeerError("malformed", "a second answer to the hello");
    const { result } = parse(() => fromBinary(StreamResponseSchema, data));
    if (result.case === "refusal") {
      const refusal = decodeRefusal(result.value);
      throw new PeerError("refused", `refused: ${refusal.reason}`, { refusal });
    }
    if (result.case !== "welcome") throw new PeerError("malformed", "an answer that says nothing");
    const { memberId } = result.value;
    if (memberId !== peer) {
      const refusal = { reason: "wrong-member", memberId } as const;
      throw new PeerError("refused", `the address belongs to member ${memberId}`, { refusal });
    }
    this.#opened(attempt);
  }

  #opened(attempt: Attempt): void {
    const { links, clock, limits } = this.#parts;
    const { peer, kind } = this.#options;
    attempt.token = links.established(peer);
    attempt.openedMs = clock.nowMs();
    attempt.stopTimers();
    attempt.stopTimers = keepAlive(attempt.connection, {
      limitMs: kind === "control" ? limits.deadPeerMs : limits.stallTimeoutMs,
      limits,
      after: (delayMs, callback) => clock.after(delayMs, callback),
      answered: (roundTripMs) => {
        this.#roundTripMs = roundTripMs;
      },
      dead: () => {
        this.#finish(attempt, {
          cause: "own",
          error: new PeerError("timeout", "the peer does not answer pings"),
        });
      },
    });
    this.#parts.log?.record("peer.connected", { peer: peerName(peer), stream: kind });
    this.#options.opened();
    this.#write(attempt);
  }

  #finish(attempt: Attempt, { cause, error }: End): void {
    if (attempt.ended) return;
    attempt.ended = true;
    attempt.stopTimers();
    this.#leave(attempt);
    this.#attempt = undefined;
    const dropped = this.#queue.clear();
    this.#drop(dropped);
    if (cause === "stopped") return;
    const { handler, links, log } = this.#parts;
    const { peer, kind } = this.#options;
    this.#retryLater(attempt);
    const fields = { peer: peerName(peer), stream: kind, reason: error.message };
    log?.record("peer.disconnected", fields);
    if (attempt.token !== undefined) log?.record("peer.lost", { peer: fields.peer, reason: fields.reason });
    if (attempt.token !== undefined && cause === "lost") links.lost(attempt.token);
    if (error.refusal !== undefined) handler.refused(attempt.hello, error.refusal);
    // What was written to an open stream may not have arrived either.
    if (attempt.token !== undefined || dropped > 0) handler.unreachable(peer);
    this.#dropped = false;
    this.#options.ended();
  }

  /** A peer that stops in good order ends its streams first, and answers calls after that. */
  #leave({ connection, stream }: Attempt): void {
    const { limits, clock } = this.#parts;
    const { session, socket } = connection;
    if (session.destroyed || socket.destroyed || !this.#options.hasCalls()) {
      destroySession(connection);
      return;
    }
    stream.on("error", () => {});
    stream.destroy();
    leaveSession(connection, limits.forwardGraceMs, clock);
  }

  /** A stream that lived for a while was a success; one that ended at once must not be dialled in a spin. */
  #retryLater(attempt: Attempt): void {
    const { clock, limits } = this.#parts;
    const lived = attempt.token !== undefined && clock.nowMs() - attempt.openedMs >= limits.backoffMaxMs;
    if (lived) this.#backoff.succeeded();
    this.#cancelRetry = clock.after(this.#backoff.nextDelayMs(), () => {
      this.#cancelRetry = undefined;
      this.#begin();
    });
  }
}

/** Gathered by the cork into one write of the socket. */
export function writePieces(
  stream: { cork(): void; uncork(): void; write(piece: Uint8Array, done?: () => void): boolean },
  frame: EncodedFrame,
  written: () => void,
): boolean {
  stream.cork();
  const last = frame.pieces.length - 1;
  let keepsUp = true;
  frame.pieces.forEach((piece, index) => {
    keepsUp = index === last ? stream.write(piece, written) : stream.write(piece);
  });
  stream.uncork();
  return keepsUp;
}

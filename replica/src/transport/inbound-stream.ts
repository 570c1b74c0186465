import type { ServerHttp2Stream } from "node:http2";
import { toBinary } from "@bufbuild/protobuf";
import { StreamKind, type StreamRequest, StreamResponseSchema } from "@rstore/proto/rstore/peer/v1/peer";
import type { Logger } from "../log.ts";
import type { Message } from "../raft/types.ts";
import type { TransportClock } from "./clock.ts";
import { EnvelopeReader, endStreamEnvelope, envelopeOf } from "./envelope.ts";
import { decodeFrame, parseStreamRequest } from "./frame-codec.ts";
import { decodeHello, encodeStreamRefusal, encodeWelcome } from "./hello-codec.ts";
import type { PeerLimits } from "./limits.ts";
import { PeerError, peerErrorFrom } from "./peer-error.ts";
import type { InboundLink, LinkToken, PeerLinks } from "./peer-links.ts";
import { peerName } from "./peer-name.ts";
import { STREAMING_CONTENT_TYPE } from "./peer-session.ts";
import type { PeerHandler, PeerHello, PeerRefusal } from "./types.ts";

/** What the handlers of the peer service share. */
export interface InboundParts {
  readonly handler: PeerHandler;
  readonly links: PeerLinks;
  readonly limits: PeerLimits;
  readonly clock: TransportClock;
  readonly log: Logger | undefined;
}

/** Before a stream is admitted it may say no more than its hello. */
export const HELLO_MAX_BYTES = 16 * 1024;

/** The transport's own judgement of a hello, then the handler's. */
export async function judge(
  { handler, links }: InboundParts,
  hello: PeerHello,
): Promise<PeerRefusal | undefined> {
  const refusal = await handler.admit(hello);
  if (refusal !== undefined) return refusal;
  // Looked at after the wait: a newer incarnation may have arrived meanwhile.
  if (links.isCurrent(hello)) return undefined;
  return { reason: "stale-disk", message: `incarnation ${hello.incarnation} was followed by a newer one` };
}

/**
 * Serves one PeerService.Stream: hello, answer, then frames until the end of the connection. The returned
 * function breaks it off without a report, for this member's own end; the peer sees its connection lost.
 */
export function serveStream(parts: InboundParts, stream: ServerHttp2Stream): () => void {
  const inbound = new InboundStream(parts, stream);
  inbound.begin();
  return () => inbound.breakOff();
}

class InboundStream {
  readonly #parts: InboundParts;
  readonly #stream: ServerHttp2Stream;
  readonly #reader = new EnvelopeReader(HELLO_MAX_BYTES);
  #opening = false;
  #link: InboundLink | undefined;
  #token: LinkToken | undefined;
  #ended = false;
  #cancelTimer: () => void = () => {};

  constructor(parts: InboundParts, stream: ServerHttp2Stream) {
    this.#parts = parts;
    this.#stream = stream;
  }

  begin(): void {
    const { clock, limits } = this.#parts;
    this.#cancelTimer = clock.after(limits.helloTimeoutMs, () => {
      this.#fail(new PeerError("timeout", "no hello in time"));
    });
    this.#stream.respond({ ":status": 200, "content-type": STREAMING_CONTENT_TYPE });
    this.#stream.on("data", (chunk: Buffer) => this.#read(chunk));
    this.#stream.on("error", () => this.#lost());
    this.#stream.on("close", () => this.#lost());
    // The socket tells of a reset before http2 has wound up its streams.
    this.#stream.session?.once("close", () => this.#lost());
    this.#stream.on("end", () => this.#lost());
  }

  breakOff(): void {
    this.#leave();
    this.#stream.destroy();
  }

  #read(chunk: Buffer): void {
    if (this.#ended) return;
    try {
      const messages: Message[] = [];
      for (const { data, endStream } of this.#reader.push(chunk)) {
        if (endStream) throw new PeerError("malformed", "an end of stream from the caller");
        this.#take(parseStreamRequest(data), messages);
      }
      const link = this.#link;
      if (link === undefined) return;
      this.#reader.assertEnds(this.#parts.clock.nowMs(), messageMaxMs(link.kind, this.#parts.limits));
      const traffic = this.#parts.links.traffic(link.hello.from);
      traffic.receivedBytes[link.kind] += chunk.length;
      traffic.received(messages);
      if (messages.length > 0) this.#parts.handler.receive(messages, link.hello);
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      this.#fail(error);
    }
  }

  #take(request: StreamRequest, messages: Message[]): void {
    const hello = this.#link?.hello;
    if (hello !== undefined) {
      const frame = decodeFrame(request, hello.from, hello.to);
      messages.push(...frame.messages);
      const { receivedMessages } = this.#parts.links.traffic(hello.from);
      receivedMessages.snapshot += frame.snapshotOffers.length + frame.snapshotRequests.length;
      for (const offer of frame.snapshotOffers) this.#parts.handler.receiveSnapshotOffer(offer, hello);
      for (const asked of frame.snapshotRequests) this.#parts.handler.receiveSnapshotRequest(asked);
      return;
    }
    if (this.#opening) throw new PeerError("malformed", "a frame before the welcome");
    this.#opening = true;
    const { open } = request;
    if (open === undefined) throw new PeerError("malformed", "a stream that does not begin with its hello");
    const kind = kindOf(open.kind);
    const opening = decodeHello(open.hello);
    judge(this.#parts, opening).then(
      (refusal) => this.#answer(opening, kind, refusal),
      (error: unknown) => this.#fail(peerErrorFrom(error)),
    );
  }

  #answer(hello: PeerHello, kind: InboundLink["kind"], refusal: PeerRefusal | undefined): void {
    if (this.#ended) return;
    const { handler, links, limits } = this.#parts;
    this.#cancelTimer();
    if (refusal !== undefined) {
      this.#parts.log?.record("peer.refused", { peer: peerName(hello.from), reason: refusal.reason });
      this.#end(
        envelopeOf(toBinary(StreamResponseSchema, encodeStreamRefusal(refusal))),
        endStreamEnvelope(),
      );
      return;
    }
    this.#link = { hello, kind, close: (reason) => this.#fail(new PeerError("unreachable", reason)) };
    this.#token = links.opened(this.#link);
    this.#reader.maxBytes = limits.frameMaxBytes;
    this.#stream.write(envelopeOf(toBinary(StreamResponseSchema, encodeWelcome(handler.hello(hello.from)))));
  }

  /** Ends the stream from this side; the peer is told why and dials again. */
  #fail(error: PeerError): void {
    if (this.#ended) return;
    const from = this.#link?.hello.from;
    const peer = from === undefined ? "unknown" : peerName(from);
    this.#parts.log?.record("peer.stream.closed", { peer, code: error.code, reason: error.message });
    this.#end(endStreamEnvelope(error));
  }

  #end(...envelopes: Buffer[]): void {
    if (!this.#leave()) return;
    this.#stream.end(Buffer.concat(envelopes));
    // After what was written; without it the caller could keep the stream by never ending its own side.
    this.#stream.close();
  }

  /** The other end, or the way to it, ended the stream. */
  #lost(): void {
    const token = this.#token;
    if (!this.#leave()) return;
    // The caller may have ended its side only, in good order.
    if (!this.#stream.destroyed) this.#stream.end(endStreamEnvelope());
    if (token !== undefined) this.#parts.links.lost(token);
  }

  /** True once. */
  #leave(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    this.#cancelTimer();
    if (this.#link !== undefined) this.#parts.links.closed(this.#link);
    return true;
  }
}

/** What the control stream carries is small; of the rest the largest must have time to arrive. */
export function messageMaxMs(kind: InboundLink["kind"], limits: PeerLimits): number {
  return kind === "control" ? limits.deadPeerMs : limits.stallTimeoutMs;
}

function kindOf(kind: StreamKind): InboundLink["kind"] {
  switch (kind) {
    case StreamKind.CONTROL:
      return "control";
    case StreamKind.BULK:
      return "bulk";
    default:
      throw new PeerError("malformed", `a stream of the unknown kind ${kind}`);
  }
}

import type { Message } from "@rstore/replica/raft/types";
import { judge, messageMaxMs } from "@rstore/replica/transport/inbound-stream";
import { PeerError, peerErrorFrom } from "@rstore/replica/transport/peer-error";
import type { InboundLink, LinkToken } from "@rstore/replica/transport/peer-links";
import type { PeerHello, PeerRefusal } from "@rstore/replica/transport/types";
import { FrameReader } from "./frame-carrier.ts";
import { networkNotes } from "./network-parts.ts";
import { noteRefusal } from "./note-refusal.ts";
import type { Body, Parcel } from "./parcel.ts";
import { serveForward } from "./serve-forward.ts";
import type { SimSocket } from "./sim-socket.ts";
import type { TransportShared } from "./transport-parts.ts";

const ANSWER_BYTES = 64;

/** Behaves as replica/src/transport/inbound-stream.ts, over a simulated connection. */
export class SimInboundStream {
  readonly #shared: TransportShared;
  readonly #socket: SimSocket;
  readonly #reader: FrameReader;
  #opening = false;
  #link: InboundLink | undefined;
  #token: LinkToken | undefined;
  #ended = false;
  #silentMs = 0;
  #stopTimer: () => void = () => {};

  constructor(shared: TransportShared, socket: SimSocket) {
    this.#shared = shared;
    this.#socket = socket;
    this.#reader = new FrameReader(shared.network, shared.limits.frameMaxBytes);
    const ticks = { tick: (intervalMs: number) => this.#tick(intervalMs) };
    shared.ticking.add(ticks);
    this.#stopTimer = () => shared.ticking.delete(ticks);
    socket.received = (parcels) => this.read(parcels);
    socket.lost = () => this.#lost();
  }

  /** The connection is for something else than a stream. */
  handOver(): void {
    this.#leave();
  }

  read(parcels: readonly Parcel[]): void {
    const messages: Message[] = [];
    let sizeBytes = 0;
    for (const parcel of parcels) {
      if (this.#ended) return;
      sizeBytes += parcel.sizeBytes;
      try {
        this.#take(parcel.body, messages);
        this.#assertEnds();
      } catch (error) {
        if (!(error instanceof PeerError)) throw error;
        this.#fail(error);
        return;
      }
    }
    const link = this.#link;
    if (link === undefined || this.#ended) return;
    const { links, handler, network, slot } = this.#shared;
    const traffic = links.traffic(link.hello.from);
    traffic.receivedBytes[link.kind] += sizeBytes;
    traffic.received(messages);
    if (messages.length === 0) return;
    network.world.note(networkNotes.delivered, this.#socket.other.place * 65536 + slot, messages.length);
    handler.receive(messages, link.hello);
  }

  #assertEnds(): void {
    const { clock, limits } = this.#shared;
    if (this.#link !== undefined)
      this.#reader.assertEnds(clock.nowMs(), messageMaxMs(this.#link.kind, limits));
  }

  #take(body: Body, messages: Message[]): void {
    const { network, handler } = this.#shared;
    if (body.type === "forward") {
      serveForward(this.#shared, this.#socket, body);
      return;
    }
    if (body.type === "damaged") {
      if (body.id === undefined) throw body.error;
      this.#socket.write({ type: "forwarded", id: body.id, answer: body.error }, ANSWER_BYTES);
      return;
    }
    const hello = this.#link?.hello;
    if (body.type === "open") {
      this.#open(body.hello, body.kind);
      return;
    }
    if (hello === undefined) throw new PeerError("malformed", "a frame before the welcome");
    if (body.type !== "frame" && body.type !== "frame-bytes") {
      network.world.fail("network", `a ${body.type} on a peer stream`);
      return;
    }
    const frames =
      body.type === "frame"
        ? [this.#reader.readFrame(body.frame, hello)]
        : this.#reader.readFrames(body, hello);
    for (const frame of frames) {
      messages.push(...frame.messages);
      for (const offer of frame.snapshotOffers) handler.receiveSnapshotOffer(offer, hello);
      for (const asked of frame.snapshotRequests) handler.receiveSnapshotRequest(asked);
    }
  }

  #open(hello: PeerHello, kind: InboundLink["kind"]): void {
    if (this.#opening) throw new PeerError("malformed", "a stream is opened once");
    this.#opening = true;
    judge(this.#shared, hello).then(
      (refusal) => this.#answer(hello, kind, refusal),
      (error: unknown) => this.#fail(peerErrorFrom(error)),
    );
  }

  #answer(hello: PeerHello, kind: InboundLink["kind"], refusal: PeerRefusal | undefined): void {
    if (this.#ended || this.#socket.closed) return;
    const { handler, links } = this.#shared;
    if (refusal !== undefined) {
      noteRefusal(this.#shared, hello, refusal);
      this.#end({ type: "refusal", refusal });
      return;
    }
    this.#link = { hello, kind, close: (reason) => this.#fail(new PeerError("unreachable", reason)) };
    this.#token = links.opened(this.#link);
    this.#socket.write({ type: "welcome", memberId: handler.hello(hello.from).from }, ANSWER_BYTES);
  }

  /** A caller that says nothing, or one whose pings stay away for long, is gone. */
  #tick(intervalMs: number): void {
    const { limits } = this.#shared;
    if (this.#link !== undefined && this.#socket.hearsPings) {
      this.#silentMs = 0;
      return;
    }
    this.#silentMs += intervalMs;
    if (this.#link === undefined) {
      if (this.#silentMs >= limits.helloTimeoutMs) this.#fail(new PeerError("timeout", "no hello in time"));
    } else if (this.#silentMs >= limits.stallTimeoutMs && this.#leave()) this.#socket.close();
  }

  #fail(error: PeerError): void {
    if (this.#ended) return;
    const peer = this.#link?.hello.from;
    this.#shared.note("peer.stream.closed", { peer, code: error.code, reason: error.message });
    this.#end({ type: "failed", error });
  }

  #end(body: Body): void {
    if (!this.#leave()) return;
    this.#socket.write(body, ANSWER_BYTES);
    this.#socket.close();
  }

  /** The other end, or the way to it, ended the connection. */
  #lost(): void {
    const token = this.#token;
    if (!this.#leave()) return;
    if (token !== undefined) this.#shared.links.lost(token);
  }

  #leave(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    this.#stopTimer();
    if (this.#link !== undefined) this.#shared.links.closed(this.#link);
    return true;
  }
}

import type { MemberId, Message } from "@rstore/replica/raft/types";
import { Backoff } from "@rstore/replica/transport/backoff";
import { OutboundQueue } from "@rstore/replica/transport/outbound-queue";
import { PeerError } from "@rstore/replica/transport/peer-error";
import type { LinkToken } from "@rstore/replica/transport/peer-links";
import type { PeerHello, SnapshotOffer, SnapshotRequest } from "@rstore/replica/transport/types";
import { dispatchFrame } from "./dispatch.ts";
import type { Body, Parcel } from "./parcel.ts";
import type { SimSocket } from "./sim-socket.ts";
import type { TransportShared } from "./transport-parts.ts";

const HELLO_BYTES = 200;

export interface OutgoingStreamOptions {
  readonly peer: MemberId;
  readonly peerUrl: string;
  readonly kind: "control" | "bulk";
  readonly opened: () => void;
  readonly ended: () => void;
  readonly forwarded: (answer: Extract<Body, { type: "forwarded" }>) => void;
}

/** As in production: only "lost" means that the other end's process may be gone. */
type End = { readonly cause: "lost" | "ended" | "own" | "stopped"; readonly error: PeerError };

interface Attempt {
  readonly hello: PeerHello;
  socket: SimSocket | undefined;
  token: LinkToken | undefined;
  openedMs: number;
  silentMs: number;
  stopTimer: () => void;
  ended: boolean;
}

/** Behaves as replica/src/transport/outgoing-stream.ts, over a simulated connection. */
export class SimOutgoingStream {
  readonly #shared: TransportShared;
  readonly #options: OutgoingStreamOptions;
  readonly #queue: OutboundQueue;
  readonly #backoff: Backoff;
  #attempt: Attempt | undefined;
  #cancelRetry: (() => void) | undefined;
  #roundTripMs: number | undefined;
  #dropped = false;

  constructor(shared: TransportShared, options: OutgoingStreamOptions) {
    const { limits, random } = shared;
    const control = options.kind === "control";
    this.#shared = shared;
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

  get queuedBytes(): number {
    return this.#queue.sizeBytes + (this.#attempt?.socket?.pendingBytes ?? 0);
  }

  /** The connection, for calls that go beside the stream; undefined while it is not open. */
  get socket(): SimSocket | undefined {
    return this.isOpen ? this.#attempt?.socket : undefined;
  }

  dial(): void {
    if (this.#attempt !== undefined) return;
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    this.#begin();
  }

  stop(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    const attempt = this.#attempt;
    if (attempt === undefined) return;
    this.#finish(attempt, { cause: "stopped", error: new PeerError("unreachable", "stopped") });
  }

  push(message: Message): void {
    if (this.#attempt === undefined || !this.#queue.push(message)) this.#drop(1);
  }

  pushOffer(offer: SnapshotOffer): void {
    if (this.#attempt === undefined || !this.#queue.pushOffer(offer)) this.#drop(1);
  }

  pushRequest(request: SnapshotRequest): void {
    if (this.#attempt === undefined || !this.#queue.pushRequest(request)) this.#drop(1);
  }

  /** Writes what waits, as far as the socket keeps up; true: something was dropped since the last call. */
  flush(): boolean {
    const attempt = this.#attempt;
    if (attempt?.token !== undefined) this.#write(attempt);
    const dropped = this.#dropped;
    this.#dropped = false;
    return dropped;
  }

  #drop(count: number): void {
    if (count === 0) return;
    this.#shared.links.traffic(this.#options.peer).messagesDropped += count;
    this.#dropped = true;
  }

  #write(attempt: Attempt): void {
    const { limits, links, network } = this.#shared;
    const socket = attempt.socket!;
    socket.drained = undefined;
    while (socket.pendingBytes < limits.writeAheadMaxBytes) {
      const frame = this.#queue.take();
      if (frame === undefined) return;
      const sizeBytes = dispatchFrame(network, socket, attempt.hello, frame);
      const traffic = links.traffic(this.#options.peer);
      traffic.sentBytes[this.#options.kind] += sizeBytes;
      traffic.sent(frame.messages);
    }
    if (this.#queue.length === 0) return;
    socket.drained = () => {
      if (!attempt.ended) this.#write(attempt);
    };
  }

  #begin(): void {
    const { handler, clock, limits, dial } = this.#shared;
    const { peer, peerUrl, kind } = this.#options;
    const attempt: Attempt = {
      hello: handler.hello(peer),
      socket: undefined,
      token: undefined,
      openedMs: 0,
      silentMs: 0,
      stopTimer: () => {},
      ended: false,
    };
    this.#attempt = attempt;
    const late = (): void => {
      const error = new PeerError("timeout", "no answer to the hello in time");
      this.#finish(attempt, { cause: "own", error });
    };
    const lost = (): void => {
      const error = new PeerError("unreachable", "the connection was closed");
      this.#finish(attempt, { cause: "lost", error });
    };
    attempt.stopTimer = clock.after(limits.connectTimeoutMs, late);
    dial(peerUrl, {
      failed: lost,
      connected: (socket) => {
        if (attempt.ended) {
          socket.close();
          return;
        }
        attempt.socket = socket;
        attempt.stopTimer();
        attempt.stopTimer = clock.after(limits.helloTimeoutMs, late);
        socket.received = (parcels) => this.#read(attempt, parcels);
        socket.lost = lost;
        socket.write({ type: "open", kind, hello: attempt.hello }, HELLO_BYTES);
      },
    });
  }

  #read(attempt: Attempt, parcels: readonly Parcel[]): void {
    for (const { body } of parcels) {
      if (attempt.ended) return;
      if (body.type === "forwarded") this.#options.forwarded(body);
      else this.#answered(attempt, body);
    }
  }

  #answered(attempt: Attempt, body: Body): void {
    const { peer } = this.#options;
    const refused = (refusal: PeerError["refusal"] & object, message: string): void =>
      this.#finish(attempt, { cause: "ended", error: new PeerError("refused", message, { refusal }) });
    switch (body.type) {
      case "welcome":
        if (body.memberId === peer) this.#opened(attempt);
        else {
          const { memberId } = body;
          refused({ reason: "wrong-member", memberId }, `the address belongs to member ${memberId}`);
        }
        return;
      case "refusal":
        refused(body.refusal, `refused: ${body.refusal.reason}`);
        return;
      case "failed":
        this.#finish(attempt, { cause: "ended", error: body.error });
        return;
      default:
        throw new Error(`${body.type} is no answer to a hello`);
    }
  }

  #opened(attempt: Attempt): void {
    const { links, clock, note, ticking } = this.#shared;
    const { peer, kind, opened } = this.#options;
    attempt.token = links.established(peer);
    attempt.openedMs = clock.nowMs();
    attempt.stopTimer();
    const ticks = { tick: (intervalMs: number) => this.#tick(attempt, intervalMs) };
    ticking.add(ticks);
    attempt.stopTimer = () => ticking.delete(ticks);
    note("peer.connected", { peer, stream: kind });
    opened();
    this.#write(attempt);
  }

  /** As production's keepAlive: a ping in each interval, and too many without an answer or a byte. */
  #tick(attempt: Attempt, intervalMs: number): void {
    const { limits } = this.#shared;
    const roundTripMs = attempt.socket!.probe();
    if (roundTripMs !== undefined && roundTripMs <= attempt.silentMs + intervalMs) {
      attempt.silentMs = 0;
      this.#roundTripMs = roundTripMs;
      return;
    }
    attempt.silentMs += intervalMs;
    const limitMs = this.#options.kind === "control" ? limits.deadPeerMs : limits.stallTimeoutMs;
    if (attempt.silentMs < limitMs) return;
    const error = new PeerError("timeout", "the peer does not answer pings");
    this.#finish(attempt, { cause: "own", error });
  }

  #finish(attempt: Attempt, { cause, error }: End): void {
    if (attempt.ended) return;
    attempt.ended = true;
    attempt.stopTimer();
    attempt.socket?.close();
    this.#attempt = undefined;
    const dropped = this.#queue.clear();
    this.#drop(dropped);
    if (cause === "stopped") return;
    const { handler, links, note } = this.#shared;
    const { peer, kind, ended } = this.#options;
    this.#retryLater(attempt);
    note("peer.disconnected", { peer, stream: kind, reason: error.message });
    if (attempt.token !== undefined && cause === "lost") links.lost(attempt.token);
    if (error.refusal !== undefined) handler.refused(attempt.hello, error.refusal);
    // What was written to an open stream may not have arrived either.
    if (attempt.token !== undefined || dropped > 0) handler.unreachable(peer);
    this.#dropped = false;
    ended();
  }

  #retryLater(attempt: Attempt): void {
    const { clock, limits } = this.#shared;
    const lived = attempt.token !== undefined && clock.nowMs() - attempt.openedMs >= limits.backoffMaxMs;
    if (lived) this.#backoff.succeeded();
    this.#cancelRetry = clock.after(this.#backoff.nextDelayMs(), () => {
      this.#cancelRetry = undefined;
      this.#begin();
    });
  }
}

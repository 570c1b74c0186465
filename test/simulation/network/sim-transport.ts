import type { MemberId, Message } from "@rstore/replica/raft/types";
import { judge } from "@rstore/replica/transport/inbound-stream";
import { peerLimits } from "@rstore/replica/transport/limits";
import { PeerError } from "@rstore/replica/transport/peer-error";
import { PeerLinks } from "@rstore/replica/transport/peer-links";
import {
  ForwardError,
  type PeerAddress,
  type PeerHandler,
  type PeerStats,
  type PeerTransport,
  type SnapshotChunk,
  type SnapshotOffer,
  type SnapshotRequest,
} from "@rstore/replica/transport/types";
import type { Life } from "../cluster/types.ts";
import { FrameReader } from "./frame-carrier.ts";
import { type NetworkParts, networkNotes, type Replay } from "./network-parts.ts";
import { SimInboundStream } from "./sim-inbound-stream.ts";
import { SimPeerConnection } from "./sim-peer-connection.ts";
import { SimSnapshotFetch } from "./sim-snapshot-fetch.ts";
import { SimSnapshotServer } from "./sim-snapshot-server.ts";
import type { SimSocket } from "./sim-socket.ts";
import type { TransportShared } from "./transport-parts.ts";
import type { TransportParts } from "./types.ts";

const PINGS_PER_LIMIT = 4;

export interface SimTransportHooks {
  /** A call begins; the life may be over when it returns. */
  readonly called: () => void;
  readonly sent: (message: Message) => void;
  readonly dial: TransportShared["dial"];
}

/** The transport of one life and the peer port that it listens on, as in production one for both. */
export class SimTransport implements PeerTransport {
  readonly life: Life;
  readonly #shared: TransportShared;
  readonly #hooks: SimTransportHooks;
  readonly #connections = new Map<MemberId, SimPeerConnection>();
  readonly #dirty = new Set<SimPeerConnection>();
  readonly #unknown = new Set<MemberId>();
  readonly #fetches = new Set<SimSnapshotFetch>();
  readonly #snapshots: SimSnapshotServer;
  #flushScheduled = false;
  #closed = false;

  constructor(network: NetworkParts, parts: TransportParts, hooks: SimTransportHooks) {
    const { slot, life, clock, limits } = parts;
    const handler = whileAlive(parts.handler, life);
    this.life = life;
    this.#hooks = hooks;
    const { world } = network;
    this.#shared = {
      network,
      slot,
      life,
      clock,
      handler,
      links: new PeerLinks(handler),
      limits: peerLimits(limits),
      random: () => network.random.fraction(),
      ticking: new Set(),
      dial: hooks.dial,
      log: undefined,
      note: (event, detail) => world.say(`r${slot}`, () => `${event} ${describe(detail)}`),
    };
    this.#snapshots = new SimSnapshotServer(this.#shared);
    this.#tickLater();
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  setPeers(peers: readonly PeerAddress[]): void {
    if (!this.#called() || this.#closed) return;
    const wanted = new Map(peers.map((peer) => [peer.memberId, peer]));
    for (const [memberId, connection] of this.#connections) {
      const peerUrl = wanted.get(memberId)?.peerUrl;
      if (connection.peerUrl === peerUrl) continue;
      connection.close();
      this.#dirty.delete(connection);
      this.#connections.delete(memberId);
      if (peerUrl === undefined) this.#shared.links.forget(memberId);
    }
    for (const peer of wanted.values()) if (!this.#connections.has(peer.memberId)) this.#connect(peer);
  }

  #connect(peer: PeerAddress): void {
    const url = URL.parse(peer.peerUrl);
    if (url === null || url.protocol !== "http:") return;
    this.#connections.set(peer.memberId, new SimPeerConnection(this.#shared, peer));
  }

  send(messages: readonly Message[]): void {
    if (!this.#called()) return;
    for (const message of messages) {
      this.#hooks.sent(message);
      this.#connection(message.to)?.push(message);
    }
  }

  offerSnapshot(offer: SnapshotOffer): void {
    if (this.#called()) this.#connection(offer.to)?.pushOffer(offer);
  }

  requestSnapshot(request: SnapshotRequest): void {
    if (this.#called()) this.#connection(request.to)?.pushRequest(request);
  }

  fetchSnapshot(from: MemberId, snapshotId: string, offset: number): AsyncIterable<SnapshotChunk> {
    return this.#called() ? this.#fetch(from, snapshotId, offset) : never();
  }

  forward(to: MemberId, payload: Uint8Array, deadlineMs: number): Promise<Uint8Array> {
    if (!this.#called()) return new Promise(() => {});
    const connection = this.#connections.get(to);
    if (connection !== undefined) return connection.forward(payload, deadlineMs);
    return Promise.reject(new ForwardError(`no address of member ${to} is known`, false));
  }

  stats(): readonly PeerStats[] {
    return [...this.#connections.values()].map((connection) => connection.stats());
  }

  async close(): Promise<void> {
    if (!this.#called()) return new Promise(() => {});
    this.#closed = true;
    for (const fetch of this.#fetches) fetch.abort();
    for (const connection of this.#connections.values()) connection.close();
    this.#connections.clear();
    this.#dirty.clear();
    this.#snapshots.close();
  }

  /** The peer port: somebody dialled. */
  accept(socket: SimSocket): void {
    const inbound = new SimInboundStream(this.#shared, socket);
    socket.received = (parcels) => {
      const [first] = parcels;
      if (first?.body.type !== "fetch") {
        socket.received = (more) => inbound.read(more);
        inbound.read(parcels);
        return;
      }
      inbound.handOver();
      this.#snapshots.serve(socket, first.body);
    };
  }

  /** A frame of an old connection: it must pass what a new connection passes. */
  replay({ hello, body, delivered }: Replay): void {
    judge(this.#shared, hello).then((refusal) => {
      if (refusal !== undefined || this.life.isOver) return;
      const { network, limits, handler, slot } = this.#shared;
      const reader = new FrameReader(network, limits.frameMaxBytes);
      try {
        if (body.type !== "frame" && body.type !== "frame-bytes") return;
        const frames =
          body.type === "frame" ? [reader.readFrame(body.frame, hello)] : reader.readFrames(body, hello);
        const messages = frames.flatMap((frame) => frame.messages);
        if (messages.length === 0) return;
        delivered();
        network.world.note(networkNotes.delivered, slot, messages.length);
        handler.receive(messages, hello);
      } catch (error) {
        if (!(error instanceof PeerError)) throw error;
      }
    });
  }

  async *#fetch(from: MemberId, snapshotId: string, offset: number): AsyncGenerator<SnapshotChunk> {
    const { handler } = this.#shared;
    const peerUrl = this.#connections.get(from)?.peerUrl;
    if (peerUrl === undefined) throw new PeerError("unreachable", `no address of member ${from} is known`);
    const hello = handler.hello(from);
    const fetch = new SimSnapshotFetch(this.#shared, { from, peerUrl, hello, snapshotId, offset });
    this.#fetches.add(fetch);
    try {
      yield* fetch.chunks();
    } catch (error) {
      if (error instanceof PeerError && error.refusal !== undefined) handler.refused(hello, error.refusal);
      throw error;
    } finally {
      this.#fetches.delete(fetch);
    }
  }

  /** False: the process ended at this very call, which has no effect. */
  #called(): boolean {
    if (this.life.isOver) return false;
    this.#hooks.called();
    return !this.life.isOver;
  }

  #connection(to: MemberId): SimPeerConnection | undefined {
    const connection = this.#connections.get(to);
    if (connection === undefined) this.#unknown.add(to);
    else this.#dirty.add(connection);
    if (!this.#flushScheduled) {
      this.#flushScheduled = true;
      queueMicrotask(() => this.#flush());
    }
    return connection;
  }

  #flush(): void {
    this.#flushScheduled = false;
    if (this.life.isOver) return;
    const dirty = [...this.#dirty];
    const unknown = [...this.#unknown];
    this.#dirty.clear();
    this.#unknown.clear();
    for (const connection of dirty) connection.flush();
    for (const memberId of unknown) this.#shared.handler.unreachable(memberId);
  }

  /** One timer for the pings of all streams. */
  #tickLater(): void {
    const { clock, limits, ticking } = this.#shared;
    const intervalMs = limits.deadPeerMs / PINGS_PER_LIMIT;
    clock.after(intervalMs, () => {
      for (const stream of [...ticking]) stream.tick(intervalMs);
      this.#tickLater();
    });
  }
}

/** What a process that is over would have been told is told to nobody. */
function whileAlive(handler: PeerHandler, life: Life): PeerHandler {
  const alive = (call: () => void): void => {
    if (!life.isOver) call();
  };
  return {
    admit: (hello) => (life.isOver ? new Promise(() => {}) : handler.admit(hello)),
    hello: (to) => handler.hello(to),
    receive: (messages, hello) => alive(() => handler.receive(messages, hello)),
    receiveSnapshotOffer: (offer, hello) => alive(() => handler.receiveSnapshotOffer(offer, hello)),
    receiveSnapshotRequest: (request) => alive(() => handler.receiveSnapshotRequest(request)),
    disconnected: (peer) => alive(() => handler.disconnected(peer)),
    unreachable: (peer) => alive(() => handler.unreachable(peer)),
    refused: (hello, refusal) => alive(() => handler.refused(hello, refusal)),
    snapshotFetched: (peer, ok) => alive(() => handler.snapshotFetched(peer, ok)),
    forwarded: (payload, deadlineMs, origin) =>
      life.isOver ? new Promise(() => {}) : handler.forwarded(payload, deadlineMs, origin),
    readSnapshot: (snapshotId, offset) =>
      life.isOver ? undefined : handler.readSnapshot(snapshotId, offset),
  };
}

async function* never(): AsyncGenerator<SnapshotChunk> {
  await new Promise(() => {});
}

function describe(detail: Record<string, unknown>): string {
  const shown = (value: unknown): string => (typeof value === "bigint" ? value.toString(16) : String(value));
  return Object.entries(detail)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${shown(value)}`)
    .join(" ");
}

import type { Logger } from "../log.ts";
import type { MemberId, Message } from "../raft/types.ts";
import type { TransportClock } from "./clock.ts";
import { type PeerLimits, peerLimits } from "./limits.ts";
import type { OutgoingParts } from "./outgoing-stream.ts";
import { PeerConnection } from "./peer-connection.ts";
import { PeerError } from "./peer-error.ts";
import { PeerLinks } from "./peer-links.ts";
import { peerName } from "./peer-name.ts";
import { type DialSocket, dialTcp } from "./peer-session.ts";
import { fetchSnapshot } from "./snapshot-fetch.ts";
import {
  ForwardError,
  type PeerAddress,
  type PeerHandler,
  type PeerStats,
  type PeerTransport,
  type RequestOrigin,
  type SnapshotChunk,
  type SnapshotOffer,
  type SnapshotRequest,
} from "./types.ts";

export interface PeerTransportOptions {
  readonly handler: PeerHandler;
  readonly clock: TransportClock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly limits?: Partial<PeerLimits>;
  readonly logger?: Logger;
  /** Plain TCP unless given. */
  readonly dial?: DialSocket;
}

/** The transport, and what the peer port of the same member shares with it. */
export interface LinkedPeerTransport extends PeerTransport {
  readonly links: PeerLinks;
}

/**
 * This member's way to its peers. Deadlines are on the clock that is handed in. Messages given to `send` in
 * one turn of the loop leave together at the end of the turn's current task: a microtask is late enough to
 * gather, and early enough that http2 still writes in the same turn.
 */
export function createPeerTransport(options: PeerTransportOptions): LinkedPeerTransport {
  return new Http2PeerTransport(options);
}

class Http2PeerTransport implements LinkedPeerTransport {
  readonly links: PeerLinks;
  readonly #parts: OutgoingParts;
  readonly #logger: Logger | undefined;
  readonly #connections = new Map<MemberId, PeerConnection>();
  readonly #urls = new Map<MemberId, URL>();
  readonly #closing = new AbortController();
  readonly #dirty = new Set<PeerConnection>();
  readonly #unknown = new Set<MemberId>();
  #flushScheduled = false;

  constructor({ handler, clock, random, limits, logger, dial }: PeerTransportOptions) {
    this.links = new PeerLinks(handler);
    this.#logger = logger;
    this.#parts = {
      handler,
      links: this.links,
      limits: peerLimits(limits),
      clock,
      random,
      dial: dial ?? dialTcp,
      log: logger,
    };
  }

  setPeers(peers: readonly PeerAddress[]): void {
    if (this.#closing.signal.aborted) return;
    const wanted = new Map(peers.map((peer) => [peer.memberId, peer]));
    for (const [memberId, connection] of this.#connections) {
      const peerUrl = wanted.get(memberId)?.peerUrl;
      if (connection.peerUrl === peerUrl) continue;
      connection.close();
      this.#dirty.delete(connection);
      this.#connections.delete(memberId);
      this.#urls.delete(memberId);
      if (peerUrl === undefined) this.links.forget(memberId);
    }
    for (const peer of wanted.values()) if (!this.#connections.has(peer.memberId)) this.#connect(peer);
  }

  /** An address that no URL can be is in the log for ever: it must not end the process, only reach nobody. */
  #connect(peer: PeerAddress): void {
    const url = URL.parse(peer.peerUrl);
    if (url === null || url.protocol !== "http:") {
      const fields = { peer: peerName(peer.memberId), peerUrl: peer.peerUrl };
      this.#logger?.record("peer.address.invalid", fields);
      return;
    }
    this.#urls.set(peer.memberId, url);
    this.#connections.set(peer.memberId, new PeerConnection(this.#parts, peer, url));
  }

  send(messages: readonly Message[]): void {
    for (const message of messages) this.#connection(message.to)?.push(message);
  }

  offerSnapshot(offer: SnapshotOffer): void {
    this.#connection(offer.to)?.pushOffer(offer);
  }

  requestSnapshot(request: SnapshotRequest): void {
    this.#connection(request.to)?.pushRequest(request);
  }

  /** The connection that a message goes by; it is flushed at the end of the current task. */
  #connection(to: MemberId): PeerConnection | undefined {
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
    const dirty = [...this.#dirty];
    const unknown = [...this.#unknown];
    this.#dirty.clear();
    this.#unknown.clear();
    for (const connection of dirty) connection.flush();
    for (const memberId of unknown) this.#parts.handler.unreachable(memberId);
  }

  async *fetchSnapshot(from: MemberId, snapshotId: string, offset: number): AsyncGenerator<SnapshotChunk> {
    const { handler, limits, clock, dial } = this.#parts;
    const url = this.#urls.get(from);
    if (url === undefined) throw new PeerError("unreachable", `no address of member ${from} is known`);
    const hello = handler.hello(from);
    const signal = this.#closing.signal;
    try {
      for await (const chunk of fetchSnapshot({
        url,
        hello,
        snapshotId,
        offset,
        limits,
        clock,
        dial,
        signal,
      })) {
        this.links.traffic(from).receivedBytes.snapshot += chunk.data.length;
        yield chunk;
      }
    } catch (error) {
      if (error instanceof PeerError && error.refusal !== undefined) handler.refused(hello, error.refusal);
      throw error;
    }
  }

  async forward(
    to: MemberId,
    payload: Uint8Array,
    deadlineMs: number,
    requests: readonly RequestOrigin[] = [],
  ): Promise<Uint8Array> {
    const connection = this.#connections.get(to);
    if (connection === undefined) throw new ForwardError(`no address of member ${to} is known`, false);
    return connection.forward(payload, deadlineMs, requests);
  }

  stats(): readonly PeerStats[] {
    return [...this.#connections.values()].map((connection) => connection.stats());
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const connection of this.#connections.values()) connection.close();
    this.#connections.clear();
    this.#urls.clear();
    this.#dirty.clear();
  }
}

import type { Counts, MessageKind, PeerStream, QueuedStream } from "../metrics/traffic.ts";
import type { MemberId, Message, SnapshotMetadata } from "../raft/types.ts";

export interface PeerAddress {
  readonly memberId: MemberId;
  readonly peerUrl: string;
}

/** How a stream between members begins: who calls, whom it means to reach, in which cluster. */
export interface PeerHello {
  readonly clusterId: bigint;
  readonly from: MemberId;
  readonly to: MemberId;
  /** Number of starts of the caller on its disk. */
  readonly incarnation: bigint;
  /** The caller's durable term and last log index: a disk that went back is refused (B2). */
  readonly durableTerm: bigint;
  readonly durableLastIndex: bigint;
  readonly protocolVersion: number;
  /** Where the caller is reached: a member that joins knows no configuration yet. */
  readonly peerUrl: string;
}

export type PeerRefusal =
  | { readonly reason: "wrong-cluster"; readonly clusterId: bigint }
  | { readonly reason: "wrong-member"; readonly memberId: MemberId }
  | { readonly reason: "removed"; readonly index: bigint }
  | { readonly reason: "stale-disk"; readonly message: string }
  | { readonly reason: "unsupported-version"; readonly message: string }
  | { readonly reason: "not-ready"; readonly message: string };

/** A request of a client that a member passes on a write for. */
export interface RequestOrigin {
  readonly id: string;
  /** As in the header `traceparent`; empty: none. */
  readonly traceParent: string;
}

/** Where a forwarded proposal comes from. What it says of requests is not checked. */
export interface ForwardOrigin {
  readonly from: MemberId;
  readonly requests: readonly RequestOrigin[];
}

/** What the runtime gives the transport to call. None of these may throw. */
export interface PeerHandler {
  /** Judges a stream before anything on it is read. */
  admit(hello: PeerHello): Promise<PeerRefusal | undefined>;
  /** The hello to begin this member's own streams with. */
  hello(to: MemberId): PeerHello;
  /** Messages that arrived together, checksum verified, `from` and `to` checked against the hello. */
  receive(messages: readonly Message[], hello: PeerHello): void;
  /** A leader offers a snapshot: fetch it with `fetchSnapshot`, then hand the message to the core. */
  receiveSnapshotOffer(offer: SnapshotOffer, hello: PeerHello): void;
  /** A member without a store asks for a snapshot; the answer is an offer, now or when it asks again. */
  receiveSnapshotRequest(request: SnapshotRequest): void;
  /** The connection to or from a peer was reset or closed by the other end. */
  disconnected(peer: MemberId): void;
  /** Messages to a peer were dropped: no connection, or its queue was full. */
  unreachable(peer: MemberId): void;
  /** A peer refused what began with this hello of ours: of who this member was then. */
  refused(hello: PeerHello, refusal: PeerRefusal): void;
  /** A peer has read a whole snapshot, or gave up. */
  snapshotFetched(peer: MemberId, ok: boolean): void;
  /** A proposal forwarded by a follower: encoded command in, encoded outcomes out (runtime's codec). */
  forwarded(payload: Uint8Array, deadlineMs: number, origin: ForwardOrigin): Promise<Uint8Array>;
  /** Chunks of a local snapshot from an offset; undefined when it is not there any more. */
  readSnapshot(snapshotId: string, offset: number): AsyncIterable<SnapshotChunk> | undefined;
}

/** The sender lost its store: it needs a snapshot that reaches at least to `minIndex`. */
export interface SnapshotRequest {
  readonly from: MemberId;
  readonly to: MemberId;
  readonly minIndex: bigint;
}

export interface SnapshotOffer {
  readonly from: MemberId;
  readonly to: MemberId;
  readonly term: bigint;
  readonly snapshot: SnapshotMetadata;
  readonly snapshotId: string;
  readonly sizeBytes: number;
  /** Checksum of the whole file, as the storage computes it. */
  readonly checksum: Uint8Array;
}

export interface SnapshotChunk {
  readonly offset: number;
  readonly data: Uint8Array;
  /** crc32 of data. */
  readonly checksum: number;
}

/** Round trip and traffic of one peer, for metrics and status. */
export interface PeerStats {
  readonly memberId: MemberId;
  readonly connected: boolean;
  readonly roundTripMs: number | undefined;
  /** Connections that were lost. */
  readonly disconnects: number;
  readonly sentBytes: Readonly<Counts<PeerStream>>;
  readonly receivedBytes: Readonly<Counts<PeerStream>>;
  readonly sentMessages: Readonly<Counts<MessageKind>>;
  readonly receivedMessages: Readonly<Counts<MessageKind>>;
  readonly messagesDropped: number;
  readonly queuedBytes: Readonly<Counts<QueuedStream>>;
  readonly queuedMessages: Readonly<Counts<QueuedStream>>;
}

export interface PeerTransport {
  /** The peers to keep connections to; others are closed. */
  setPeers(peers: readonly PeerAddress[]): void;
  /** Never blocks. Heartbeats, votes and small answers overtake appends: they travel on their own stream. */
  send(messages: readonly Message[]): void;
  offerSnapshot(offer: SnapshotOffer): void;
  requestSnapshot(request: SnapshotRequest): void;
  /** Rejects when the peer can't be reached or the offset is gone. */
  fetchSnapshot(from: MemberId, snapshotId: string, offset: number): AsyncIterable<SnapshotChunk>;
  /** Rejects with ForwardError: `sent` false when the leader certainly did not see it. */
  forward(
    to: MemberId,
    payload: Uint8Array,
    deadlineMs: number,
    requests?: readonly RequestOrigin[],
  ): Promise<Uint8Array>;
  stats(): readonly PeerStats[];
  close(): Promise<void>;
}

export class ForwardError extends Error {
  readonly sent: boolean;

  constructor(message: string, sent: boolean, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "ForwardError";
    this.sent = sent;
  }
}

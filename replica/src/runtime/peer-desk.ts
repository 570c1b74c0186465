import { decodeCommandBatch } from "../apply/command.ts";
import type { Logger } from "../log.ts";
import type { MemberId, Message } from "../raft/types.ts";
import type {
  ForwardOrigin,
  PeerHandler,
  PeerHello,
  PeerRefusal,
  SnapshotChunk,
  SnapshotOffer,
  SnapshotRequest,
} from "../transport/types.ts";
import type { DiskRefusals } from "./disk-refusals.ts";
import { encodeOutcomes } from "./forwarding-codec.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { RuntimeLimits } from "./limits.ts";
import { formatId } from "./membership.ts";
import { PEER_PROTOCOL_VERSION, PeerGate } from "./peer-gate.ts";
import { ReplicaError } from "./replica-api.ts";
import { namesOf, REQUESTS_NAMED_MAX, type RequestContext } from "./request-context.ts";
import type { RequestIntake } from "./request-intake.ts";
import type { RuntimeMetrics } from "./runtime-metrics.ts";

const FORWARD_METHOD = "rstore.peer.v1.PeerService/Forward";

interface PeerDeskParts {
  readonly lifecycle: Lifecycle;
  readonly peerUrl: string;
  readonly log: Logger;
  readonly intake: RequestIntake;
  readonly limits: RuntimeLimits;
  readonly metrics: RuntimeMetrics;
  readonly diskRefusals: DiskRefusals;
}

/** What peers ask, answered by the member that the replica is, if it is one. */
export class PeerDesk implements PeerHandler {
  readonly #lifecycle: Lifecycle;
  readonly #peerUrl: string;
  readonly #log: Logger;
  readonly #intake: RequestIntake;
  readonly #gate: PeerGate;
  readonly #metrics: RuntimeMetrics;
  readonly #diskRefusals: DiskRefusals;

  constructor({ lifecycle, peerUrl, log, limits, metrics, intake, diskRefusals }: PeerDeskParts) {
    this.#gate = new PeerGate(limits);
    this.#metrics = metrics;
    this.#lifecycle = lifecycle;
    this.#peerUrl = peerUrl;
    this.#log = log;
    this.#intake = intake;
    this.#diskRefusals = diskRefusals;
  }

  async admit(hello: PeerHello): Promise<PeerRefusal | undefined> {
    const refusal = this.#judge(hello);
    if (refusal !== undefined) this.#metrics.peersRefused.labels({ reason: refusal.reason }).increment();
    return refusal;
  }

  #judge(hello: PeerHello): PeerRefusal | undefined {
    if (this.#lifecycle.resetting) return { reason: "not-ready", message: "the replica is being reset" };
    const { memberId, clusterId, removedIndex } = this.#lifecycle.directory.identity;
    if (this.#lifecycle.stopping) return { reason: "not-ready", message: "the replica is stopping" };
    if (removedIndex !== undefined) return { reason: "not-ready", message: "this member was removed" };
    const member = this.#lifecycle.member;
    const refusal = this.#gate.judge(hello, {
      memberId,
      clusterId: clusterId ?? 0n,
      removedIndex: (peer) => member?.machine.applier.members.removedIndex(peer),
      acknowledgedIndex: (peer) => member?.acknowledgedIndex(peer),
    });
    const { recovery } = this.#lifecycle;
    if (refusal === undefined) recovery?.peers.called({ memberId: hello.from, peerUrl: hello.peerUrl });
    if (refusal === undefined) member?.peers.called({ memberId: hello.from, peerUrl: hello.peerUrl });
    return refusal;
  }

  hello(to: MemberId): PeerHello {
    const { memberId, clusterId, incarnation } = this.#lifecycle.directory.identity;
    const { term, lastIndex } = this.#lifecycle.directory.log.durablePosition();
    return {
      clusterId: clusterId ?? 0n,
      from: memberId,
      to,
      incarnation,
      durableTerm: term,
      durableLastIndex: lastIndex,
      protocolVersion: PEER_PROTOCOL_VERSION,
      peerUrl: this.#peerUrl,
    };
  }

  receive(messages: readonly Message[], hello: PeerHello): void {
    if (!this.#isMeant(hello)) return;
    const { member } = this.#lifecycle;
    const caller = { memberId: hello.from, peerUrl: hello.peerUrl };
    if (member === undefined) {
      if (messages.some(isFromLeader)) this.#lifecycle.join(hello.clusterId, caller);
      return;
    }
    // A stream from before there was a member was not noted, and its end may be unknown to the own configuration.
    member.peers.called(caller);
    member.loop.receive(messages);
  }

  /** A stream that was admitted before a reset means the member that was here (A14). */
  #isMeant(hello: PeerHello): boolean {
    return hello.to === this.#lifecycle.identity().memberId;
  }

  receiveSnapshotOffer(offer: SnapshotOffer, hello: PeerHello): void {
    if (!this.#isMeant(hello)) return;
    this.#lifecycle.recovery?.offered(offer);
    if (this.#lifecycle.member !== undefined) this.#lifecycle.member.snapshotReceiver.offered(offer);
    else this.#lifecycle.join(hello.clusterId, { memberId: hello.from, peerUrl: hello.peerUrl });
  }

  receiveSnapshotRequest(request: SnapshotRequest): void {
    this.#lifecycle.member?.snapshotSender.request(request);
  }

  disconnected(peer: MemberId): void {
    this.#gate.disconnected(peer);
    const member = this.#lifecycle.member;
    member?.loop.run(() => member.node.peerDisconnected(peer));
  }

  unreachable(peer: MemberId): void {
    const member = this.#lifecycle.member;
    member?.loop.run(() => member.node.peerUnreachable(peer));
  }

  /** What is told to who was here before a reset is not meant for who is here now (A7, A14). */
  refused({ from, to: peer }: PeerHello, refusal: PeerRefusal): void {
    this.#metrics.refusedByPeers.labels({ reason: refusal.reason }).increment();
    const detail = "message" in refusal ? `: ${refusal.message}` : "";
    this.#log.record("peer.refuses", { peer: formatId(peer), reason: refusal.reason, detail });
    if (this.#lifecycle.resetting) return;
    const { memberId, joinedIndex } = this.#lifecycle.directory.identity;
    if (from !== memberId) return;
    if (refusal.reason === "stale-disk") this.#diskRefusals.note(memberId);
    if (refusal.reason !== "removed") return;
    if (joinedIndex === undefined || refusal.index >= joinedIndex) this.#lifecycle.removedAt(refusal.index);
  }

  snapshotFetched(peer: MemberId, ok: boolean): void {
    this.#lifecycle.member?.snapshotSender.fetched(peer, ok);
  }

  readSnapshot(snapshotId: string, offset: number): AsyncIterable<SnapshotChunk> | undefined {
    return this.#lifecycle.member?.snapshotSender.read(snapshotId, offset);
  }

  async forwarded(payload: Uint8Array, deadlineMs: number, origin: ForwardOrigin): Promise<Uint8Array> {
    const { operations } = decodeCommandBatch(payload);
    const requests = this.#admitForwarded(origin);
    let problem: string | undefined = "internal";
    try {
      const member = this.#lifecycle.expectMember();
      const outcomes = await member.write(operations, { deadlineMs, forward: false, requests });
      problem = undefined;
      return encodeOutcomes(outcomes);
    } catch (error) {
      if (!(error instanceof ReplicaError)) throw error;
      problem = error.reason;
      return encodeOutcomes(operations.map(() => ({ type: "failed", error })));
    } finally {
      for (const { span } of requests) span?.end(problem);
    }
  }

  #admitForwarded({ from, requests: origins }: ForwardOrigin): RequestContext[] {
    const named = origins.slice(0, REQUESTS_NAMED_MAX);
    const requests = named.map((origin) => this.#intake.admitForwarded(origin, FORWARD_METHOD));
    if (this.#log.isDebug) {
      this.#log.record("request.accepted", { from: formatId(from), requests: namesOf(requests) });
    }
    return requests;
  }
}

function isFromLeader(message: Message): boolean {
  return (
    message.type === "AppendEntries" || message.type === "Heartbeat" || message.type === "InstallSnapshot"
  );
}

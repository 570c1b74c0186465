import { decodeCommandBatch } from "../apply/command.ts";
import { encodeMemberRecords } from "../apply/member-records.ts";
import type { WriteOperation } from "../apply/operation.ts";
import { FatalError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { KeyValue } from "../mvcc/types.ts";
import { encodeConfiguration } from "../raft/confchange/codec.ts";
import { type MemberId, type Message, NO_MEMBER } from "../raft/types.ts";
import { type DataDirectory, StorageError } from "../storage/types.ts";
import type {
  PeerHandler,
  PeerHello,
  PeerRefusal,
  PeerTransport,
  SnapshotChunk,
  SnapshotOffer,
} from "../transport/types.ts";
import type { Clock } from "./clock.ts";
import type { ReplicaConfig } from "./config.ts";
import type { DiskWatch } from "./disk-watch.ts";
import { encodeOutcomes } from "./forwarding-codec.ts";
import { LongReads, revisionRefusalError } from "./long-reads.ts";
import { Member } from "./member.ts";
import { changeMembership, listMembers, transferLeadership } from "./member-admin.ts";
import { formatId } from "./membership.ts";
import { PEER_PROTOCOL_VERSION, PeerGate } from "./peer-gate.ts";
import {
  type AnswerState,
  type CallOptions,
  type HashAnswer,
  type Identity,
  type MemberListing,
  type RangeAnswer,
  type RangeRequest,
  type ReadOptions,
  type ReplicaApi,
  ReplicaError,
  type ReplicaStatus,
  type TargetMember,
  type WriteOptions,
  type WriteOutcome,
} from "./replica-api.ts";
import { replicaStatus } from "./replica-status.ts";

export interface ReplicaParts {
  readonly directory: DataDirectory;
  readonly config: ReplicaConfig;
  readonly version: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly disk: DiskWatch;
  readonly failed: (error: FatalError) => void;
}

/**
 * One replica: blank until a cluster is founded on it or a leader calls it, then a member, and quiet once it
 * is removed. It serves the RPC layer and the peers; what a member does is in {@link Member}.
 */
export class Replica implements ReplicaApi, PeerHandler {
  readonly #parts: ReplicaParts;
  readonly #gate = new PeerGate();
  readonly #longReads: LongReads;
  #directory: DataDirectory;
  #transport: PeerTransport | undefined;
  #member: Member | undefined;
  #joining: Promise<void> | undefined;
  #stopping = false;

  constructor(parts: ReplicaParts) {
    this.#parts = parts;
    this.#directory = parts.directory;
    this.#longReads = new LongReads(parts.clock, parts.config.responseMaxBytes);
  }

  /** Begins to take part, if the disk says that it is a member. */
  start(transport: PeerTransport): void {
    this.#transport = transport;
    const { log } = this.#parts;
    const { memberId, clusterId, removedIndex, incarnation } = this.#directory.identity;
    for (const note of this.#directory.notes) log.warn({ msgId: "storage.repaired" }, note);
    log.info(
      {
        msgId: "replica.identity",
        member: formatId(memberId),
        cluster: formatId(clusterId ?? 0n),
        incarnation: incarnation.toString(),
      },
      clusterId === undefined
        ? "blank: waits to be bootstrapped or added to a cluster"
        : "member of a cluster",
    );
    if (removedIndex !== undefined) log.warn({ msgId: "replica.removed" }, this.#removedError().message);
    else if (clusterId !== undefined) this.#startMember();
  }

  #startMember(): Member {
    const { config, clock, random, log, metrics, disk } = this.#parts;
    const member = new Member({
      directory: this.#directory,
      config,
      clock,
      random,
      transport: this.#transport!,
      log,
      metrics,
      disk,
      failed: (error) => this.#failed(error),
      removed: (index) => this.#removedAt(index),
    });
    this.#member = member;
    member.start();
    return member;
  }

  #failed(error: unknown): void {
    this.#parts.failed(asFatal(error));
  }

  #removedAt(index: bigint): void {
    const member = this.#member;
    if (member === undefined) return;
    this.#member = undefined;
    this.#transport!.setPeers([]);
    this.#directory
      .markRemoved(index)
      .then(() => member.stop(this.#removedError()))
      .catch((error) => this.#failed(error));
    this.#parts.log.warn(
      { msgId: "replica.removed", index: index.toString() },
      "removed from the cluster; stays quiet",
    );
  }

  #removedError(): ReplicaError {
    const { removedIndex, memberId } = this.#directory.identity;
    return new ReplicaError(
      "member-removed",
      `member ${formatId(memberId)} was removed from the cluster: reset it ("rstore member reset") before it can join again`,
      { outcome: "not-applied", ...(removedIndex === undefined ? {} : { detail: { index: removedIndex } }) },
    );
  }

  /** The member, or why there is none. */
  #expectMember(): Member {
    if (this.#stopping)
      throw new ReplicaError("shutting-down", "the replica is stopping: ask another one", {
        outcome: "not-applied",
      });
    if (this.#member !== undefined) return this.#member;
    if (this.#directory.identity.removedIndex !== undefined) throw this.#removedError();
    throw new ReplicaError(
      "not-initialized",
      'the replica is blank: found a cluster on it ("rstore bootstrap") or add it to one ("rstore member add")',
      { outcome: "not-applied" },
    );
  }

  /** Writes proposed and not answered yet. */
  get proposalsPending(): number {
    return this.#member?.proposals.pending ?? 0;
  }

  // What the RPC layer asks.

  answerState(): AnswerState {
    const { memberId, clusterId } = this.#directory.identity;
    const member = this.#member;
    const leaderId = member?.leader ?? NO_MEMBER;
    return {
      clusterId: clusterId ?? 0n,
      memberId,
      leaderId,
      leaderClientUrl: member?.record(leaderId)?.clientUrl ?? "",
      term: member?.node.term ?? 0n,
      revision: member?.machine.store.revision ?? 0n,
    };
  }

  identity(): Identity {
    const { memberId, clusterId, incarnation, removedIndex } = this.#directory.identity;
    const { name, peerAdvertise, clientAdvertise } = this.#parts.config;
    return {
      memberId,
      clusterId: clusterId ?? 0n,
      name,
      peerUrl: peerAdvertise,
      clientUrl: clientAdvertise,
      incarnation,
      removedIndex,
    };
  }

  status(): ReplicaStatus {
    return replicaStatus({
      version: this.#parts.version,
      config: this.#parts.config,
      directory: this.#directory,
      member: this.#member,
      diskBytesAvailable: this.#parts.disk.report.freeBytes,
      problems: this.readiness(),
    });
  }

  readiness(): readonly string[] {
    if (this.#stopping) return ["stopping"];
    if (this.#directory.identity.removedIndex !== undefined) return ["removed from the cluster"];
    const member = this.#member;
    if (member === undefined) return ["not initialised: belongs to no cluster"];
    const problems: string[] = [];
    if (member.leader === NO_MEMBER) problems.push("no leader is known");
    const disk = this.#parts.disk.problem();
    if (disk !== undefined) problems.push(disk);
    if (!member.caughtUp) problems.push("has not caught up since its start");
    return problems;
  }

  write(operations: readonly WriteOperation[], options: WriteOptions): Promise<readonly WriteOutcome[]> {
    return this.#expectMember().write(operations, options);
  }

  awaitReadable(options: ReadOptions): Promise<void> {
    return this.#expectMember().awaitReadable(options);
  }

  get(key: Uint8Array, revision: bigint | undefined): KeyValue | undefined {
    const answer = this.#expectMember().machine.store.get(key, revision);
    if (answer !== undefined && "reason" in answer) throw revisionRefusalError(answer);
    return answer;
  }

  range(request: RangeRequest, options: CallOptions): Promise<RangeAnswer> {
    return this.#longReads.range(this.#expectMember().machine.store, request, options);
  }

  hash(revision: bigint | undefined, options: CallOptions): Promise<HashAnswer> {
    return this.#longReads.hash(this.#expectMember().machine, revision, options);
  }

  listMembers(options: ReadOptions): Promise<MemberListing> {
    return listMembers(this.#expectMember(), options);
  }

  changeMembership(
    expectedIndex: bigint,
    target: readonly TargetMember[],
    options: CallOptions,
  ): Promise<{ configurationIndex: bigint }> {
    return changeMembership(this.#expectMember(), { expectedIndex, target }, options);
  }

  transferLeadership(target: MemberId, options: CallOptions): Promise<{ leaderId: MemberId; term: bigint }> {
    return transferLeadership(this.#expectMember(), target, options);
  }

  async bootstrap(clusterId: bigint, memberId: MemberId): Promise<{ configurationIndex: bigint }> {
    const { identity } = this.#directory;
    if (memberId !== identity.memberId) {
      throw new ReplicaError(
        "wrong-member",
        `this is member ${formatId(identity.memberId)}, not ${formatId(memberId)}`,
      );
    }
    if (clusterId === 0n) {
      throw new ReplicaError("invalid-argument", "cluster_id must not be 0", {
        detail: { subject: "cluster_id" },
      });
    }
    const { name, peerUrl, clientUrl } = this.identity();
    const records = [{ id: memberId, name, peerUrl, clientUrl, joinedIndex: 1n }];
    const configuration = encodeConfiguration({
      voters: [memberId],
      outgoing: [],
      learners: [],
      learnersNext: [],
      context: encodeMemberRecords(records),
    });
    try {
      await this.#directory.bootstrap(clusterId, configuration);
    } catch (error) {
      throw storageRefusal(error);
    }
    if (this.#member === undefined) {
      const member = this.#startMember();
      await member.onLoop(() => member.node.campaign());
    }
    return { configurationIndex: 1n };
  }

  async reset(clusterId: bigint, memberId: MemberId, removedIndex: bigint): Promise<{ memberId: MemberId }> {
    const member = this.#member;
    this.#member = undefined;
    this.#transport!.setPeers([]);
    if (member !== undefined) await member.stop(this.#removedError());
    try {
      this.#directory = await this.#directory.reset({
        clusterId,
        memberId,
        removedIndex: removedIndex === 0n ? undefined : removedIndex,
      });
    } catch (error) {
      if (member !== undefined) this.#startMember();
      throw storageRefusal(error);
    }
    this.#parts.log.warn({ msgId: "replica.reset" }, "reset: the data is set aside, the replica is blank");
    return { memberId: this.#directory.identity.memberId };
  }

  // What peers ask.

  async admit(hello: PeerHello): Promise<PeerRefusal | undefined> {
    const { memberId, clusterId, removedIndex } = this.#directory.identity;
    if (this.#stopping) return { reason: "not-ready", message: "the replica is stopping" };
    if (removedIndex !== undefined) return { reason: "not-ready", message: "this member was removed" };
    const member = this.#member;
    const refusal = this.#gate.judge(hello, {
      memberId,
      clusterId: clusterId ?? 0n,
      removedIndex: (peer) => member?.machine.applier.members.removedIndex(peer),
      acknowledgedIndex: (peer) => member?.acknowledgedIndex(peer),
    });
    if (refusal === undefined) member?.peers.called({ memberId: hello.from, peerUrl: hello.peerUrl });
    return refusal;
  }

  hello(to: MemberId): PeerHello {
    const { memberId, clusterId, incarnation } = this.#directory.identity;
    const { term, lastIndex } = this.#directory.log.durablePosition();
    return {
      clusterId: clusterId ?? 0n,
      from: memberId,
      to,
      incarnation,
      durableTerm: term,
      durableLastIndex: lastIndex,
      protocolVersion: PEER_PROTOCOL_VERSION,
      peerUrl: this.#parts.config.peerAdvertise,
    };
  }

  receive(messages: readonly Message[], hello: PeerHello): void {
    if (this.#member !== undefined) this.#member.loop.receive(messages);
    else if (messages.some(isFromLeader)) this.#join(hello);
  }

  receiveSnapshotOffer(offer: SnapshotOffer, hello: PeerHello): void {
    if (this.#member !== undefined) this.#member.snapshotReceiver.offered(offer);
    else this.#join(hello);
  }

  /** A leader calls a blank replica: it becomes a member of that cluster once its disk says so. */
  #join(hello: PeerHello): void {
    if (this.#joining !== undefined || this.#stopping) return;
    if (this.#directory.identity.clusterId !== undefined) return;
    this.#parts.log.info({ msgId: "replica.joins", cluster: formatId(hello.clusterId) }, "joins a cluster");
    this.#joining = this.#directory
      .stampCluster(hello.clusterId)
      .then(() => {
        const member = this.#startMember();
        member.peers.called({ memberId: hello.from, peerUrl: hello.peerUrl });
      })
      .catch((error) => this.#failed(error))
      .finally(() => {
        this.#joining = undefined;
      });
  }

  disconnected(peer: MemberId): void {
    this.#gate.disconnected(peer);
    const member = this.#member;
    member?.loop.run(() => member.node.peerDisconnected(peer));
  }

  unreachable(peer: MemberId): void {
    const member = this.#member;
    member?.loop.run(() => member.node.peerUnreachable(peer));
  }

  refused(peer: MemberId, refusal: PeerRefusal): void {
    const { log } = this.#parts;
    log.warn(
      { msgId: "peer.refused", peer: formatId(peer), ...refusal, index: undefined },
      `refused by a peer: ${refusal.reason}`,
    );
    if (refusal.reason !== "removed") return;
    const { joinedIndex } = this.#directory.identity;
    if (joinedIndex === undefined || refusal.index >= joinedIndex) this.#removedAt(refusal.index);
  }

  snapshotFetched(peer: MemberId, ok: boolean): void {
    this.#member?.snapshotSender.fetched(peer, ok);
  }

  readSnapshot(snapshotId: string, offset: number): AsyncIterable<SnapshotChunk> | undefined {
    return this.#member?.snapshotSender.read(snapshotId, offset);
  }

  async forwarded(payload: Uint8Array, deadlineMs: number): Promise<Uint8Array> {
    const { operations } = decodeCommandBatch(payload);
    try {
      return encodeOutcomes(await this.write(operations, { deadlineMs, forward: false }));
    } catch (error) {
      if (!(error instanceof ReplicaError)) throw error;
      return encodeOutcomes(operations.map(() => ({ type: "failed", error })));
    }
  }

  /** Hands leadership over, lets what is under way end, and writes everything to the disk. */
  async stop(): Promise<void> {
    const member = this.#member;
    if (member !== undefined) await member.handOver();
    this.#stopping = true;
    if (member !== undefined) {
      await member.drain();
      await member.stop(
        new ReplicaError("shutting-down", "the replica is stopping", { outcome: "not-applied" }),
      );
    }
  }

  close(): Promise<void> {
    return this.#directory.close();
  }
}

function isFromLeader(message: Message): boolean {
  return (
    message.type === "AppendEntries" || message.type === "Heartbeat" || message.type === "InstallSnapshot"
  );
}

function storageRefusal(error: unknown): unknown {
  if (!(error instanceof StorageError)) return error;
  const reasons = {
    wrongCluster: "wrong-cluster",
    wrongMember: "wrong-member",
    alreadyInitialized: "already-initialized",
    notRemoved: "invalid-argument",
    noSpace: "no-space",
    badSnapshot: "internal",
  } as const;
  return new ReplicaError(reasons[error.code], error.message, { cause: error });
}

function asFatal(error: unknown): FatalError {
  if (error instanceof FatalError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof Error && error.name === "UnknownCommandError") {
    return new FatalError("unknownCommand", message, { cause: error });
  }
  if (error instanceof Error && error.name === "UnknownFormatError") {
    return new FatalError("unknownFormat", message, { cause: error });
  }
  return new FatalError("internal", message, { cause: error });
}

import { decodeMemberRecords } from "../apply/member-records.ts";
import type { WriteOperation } from "../apply/operation.ts";
import type { Logger } from "../log.ts";
import { isMember } from "../raft/confchange/configuration.ts";
import { describeStatus } from "../raft/describe.ts";
import { RawNode } from "../raft/raw-node.ts";
import {
  type Entry,
  type IndexedConfiguration,
  type MemberId,
  NO_MEMBER,
  type Role,
  type SnapshotMetadata,
  type SoftState,
} from "../raft/types.ts";
import type { DataDirectory } from "../storage/types.ts";
import type { PeerTransport } from "../transport/types.ts";
import { appendReady } from "./append-ready.ts";
import type { Clock } from "./clock.ts";
import { Compactor } from "./compactor.ts";
import type { ReplicaConfig } from "./config.ts";
import type { DiskWatch } from "./disk-watch.ts";
import { Housekeeping } from "./housekeeping.ts";
import type { RuntimeLimits } from "./limits.ts";
import { LinearizableReads } from "./linearizable-reads.ts";
import { MemberLog } from "./member-log.ts";
import { MemberWaiters } from "./member-waiters.ts";
import { bestSuccessor, formatId, notLeaderError } from "./membership.ts";
import { PeerDirectory } from "./peer-directory.ts";
import { Proposals } from "./proposals.ts";
import { RaftLoop } from "./raft-loop.ts";
import { raftOptions, sleepMaxTicks } from "./raft-options.ts";
import { Readiness } from "./readiness.ts";
import {
  type MemberRecord,
  type ReadOptions,
  ReplicaError,
  type WriteOptions,
  type WriteOutcome,
} from "./replica-api.ts";
import { RequestStages } from "./request-stages.ts";
import type { RuntimeMetrics } from "./runtime-metrics.ts";
import { SnapshotReceiver } from "./snapshot-receiver.ts";
import { SnapshotSender } from "./snapshot-sender.ts";
import { StateMachine } from "./state-machine.ts";
import type { Waiters } from "./waiters.ts";
import { WritePath } from "./write-path.ts";

export interface MemberParts {
  readonly directory: DataDirectory;
  readonly config: ReplicaConfig;
  readonly clock: Clock;
  readonly random: () => number;
  readonly transport: PeerTransport;
  readonly log: Logger;
  readonly metrics: RuntimeMetrics;
  readonly disk: DiskWatch;
  readonly limits: RuntimeLimits;
  readonly failed: (error: unknown) => void;
  /** A committed configuration is without this member. */
  readonly removed: (index: bigint) => void;
}

/** A member of a cluster at work: the core, its loop, the state machine and what ties them together. */
export class Member {
  readonly id: MemberId;
  readonly clusterId: bigint;
  readonly node: RawNode;
  readonly loop: RaftLoop;
  readonly machine: StateMachine;
  readonly proposals: Proposals;
  readonly reads: LinearizableReads;
  readonly readiness: Readiness;
  readonly snapshotSender: SnapshotSender;
  readonly snapshotReceiver: SnapshotReceiver;
  readonly #parts: MemberParts;
  readonly #writes: WritePath;
  readonly #waiters: MemberWaiters;
  /** The disk says it a moment later, and both may be in what is applied in one go. */
  #joinedIndex: bigint | undefined;
  #softState: SoftState = { leader: NO_MEMBER, role: "follower" };
  readonly #log: MemberLog;
  readonly peers: PeerDirectory;
  readonly #stages: RequestStages;
  readonly #housekeeping: Housekeeping;

  constructor(parts: MemberParts) {
    const { directory, config, clock, transport, metrics, limits } = parts;
    this.#parts = parts;
    this.#stages = new RequestStages(parts);
    this.id = directory.identity.memberId;
    this.clusterId = directory.identity.clusterId ?? 0n;
    this.machine = new StateMachine({
      store: directory.store,
      clock,
      flushBytes: config.flushBytes,
      flushIntervalMs: config.flushIntervalMs,
      slowFlushMs: config.slowFlushMs,
      log: parts.log,
      clusterId: this.clusterId,
      logLastIndex: directory.log.lastIndex(),
      failed: parts.failed,
      flushed: () => this.loop.schedule(),
      metrics,
      limits,
    });
    this.snapshotSender = new SnapshotSender({
      source: directory.snapshots,
      log: directory.log,
      logger: parts.log,
      clock,
      limits,
      offer: (offer) => transport.offerSnapshot(offer),
      term: () => this.node.term,
      durableApplied: () => this.machine.durableAppliedIndex,
      metrics,
      acknowledged: (peer) => this.acknowledgedIndex(peer),
      sent: (peer, ok) => this.loop.run(() => this.node.snapshotSent(peer, ok)),
      failed: parts.failed,
    });
    this.snapshotReceiver = new SnapshotReceiver({
      sink: directory.incoming,
      transport,
      logger: parts.log,
      clock,
      limits,
      metrics,
      received: (message) => {
        this.loop.receive([message]);
        // The next turn hands it to the core and begins the install; after that it is known whether one began.
        this.loop.run(() => this.loop.run(() => this.snapshotReceiver.releaseUnlessTaken()));
      },
      failed: parts.failed,
    });
    const options = raftOptions(this.id, parts);
    this.node = new RawNode(options, this.snapshotSender.logForCore());
    const { compactedRevision } = this.machine.store;
    this.#log = new MemberLog(parts.log, { term: this.node.term, compactedRevision });
    this.proposals = new Proposals(() => clock.wallMs(), limits, {
      comparableStateHash: () => this.machine.applier.comparableStateHash,
      stages: this.#stages,
      nowMs: () => clock.nowMs(),
      metrics,
    });
    this.reads = new LinearizableReads(limits, () => clock.nowMs(), metrics);
    this.readiness = new Readiness({ clock, limits, reads: this.reads });
    this.peers = new PeerDirectory(this.id, (peers) => transport.setPeers(peers), limits);
    this.#writes = new WritePath({
      ...parts,
      proposals: this.proposals,
      wakeLoop: () => this.loop.schedule(),
      leader: () => this.leader,
      isLeader: () => this.isLeader,
      notLeaderError: () => this.notLeaderError(),
      awaitLeader: (deadlineMs) => this.awaitLeader(NO_MEMBER, deadlineMs),
    });
    this.#housekeeping = new Housekeeping({
      ...parts,
      machine: this.machine,
      snapshotSender: this.snapshotSender,
      compactor: this.#createCompactor(),
      isLeader: () => this.isLeader,
      handOver: () => this.handOver(),
      writingSinceMs: () => this.loop.writingSinceMs,
    });
    this.#waiters = new MemberWaiters({
      leader: () => this.leader,
      isIdle: () => this.#writes.underWay === 0 && this.proposals.pending === 0 && this.reads.pending === 0,
      revision: () => this.machine.store.revision,
      isSettled: (index) => this.node.configuration.index >= index && this.node.isConfigurationSettled(),
    });
    this.loop = new RaftLoop({
      node: this.node,
      proposals: this.proposals,
      stages: this.#stages,
      reads: this.reads,
      clock,
      limits,
      sleepMaxTicks: sleepMaxTicks(options),
      effects: {
        send: (messages) => transport.send(messages),
        offerSnapshot: (message) => this.snapshotSender.offer(message),
        append: (ready) => appendReady(parts, ready),
        install: (snapshot) => this.#install(snapshot),
        apply: (entry) => this.#apply(entry),
        canApply: () => this.machine.canApply(),
        softStateChanged: (state) => this.#softStateChanged(state),
        turnEnded: (nowMs) => this.#turnEnded(nowMs),
        failed: (error) => this.#failed(error),
      },
    });
  }

  #createCompactor(): Compactor {
    const { config, clock, limits } = this.#parts;
    return new Compactor({
      config,
      limits,
      isLeader: () => this.isLeader,
      revision: () => this.machine.store.revision,
      compactedRevision: () => this.machine.store.compactedRevision,
      propose: (revision) => {
        const deadlineMs = clock.nowMs() + config.requestTimeoutMs;
        // What is not applied is proposed again, by this leader or the next.
        this.proposals.add([{ type: "compact", revision }], deadlineMs).catch(() => {});
        this.loop.schedule();
      },
    });
  }

  start(): void {
    this.loop.start();
    this.#configurationLoaded();
    const { voters, outgoing } = this.node.configuration.configuration;
    // Nobody else can lead: there is nothing to wait for.
    if (outgoing.length === 0 && voters.length === 1) this.loop.run(() => this.node.campaign());
  }

  get leader(): MemberId {
    return this.#softState.leader;
  }

  get role(): Role {
    return this.#softState.role;
  }

  /** As leader: up to where a member has acknowledged the log as durable. */
  acknowledgedIndex(peer: MemberId): bigint | undefined {
    return this.isLeader ? this.node.status().members.find(({ id }) => id === peer)?.match : undefined;
  }

  get isLeader(): boolean {
    return this.#softState.role === "leader";
  }

  /** The records of everyone in the configuration in force, leavers included. */
  get records(): readonly MemberRecord[] {
    return this.peers.records;
  }

  record(id: MemberId): MemberRecord | undefined {
    return this.peers.record(id);
  }

  write(operations: readonly WriteOperation[], options: WriteOptions): Promise<readonly WriteOutcome[]> {
    return this.#writes.write(operations, options);
  }

  notLeaderError(): ReplicaError {
    return notLeaderError(this.leader, this.record(this.leader));
  }

  async awaitReadable(options: ReadOptions): Promise<void> {
    if (options.consistency === "linearizable") {
      const confirmed = this.reads.add(options.deadlineMs);
      this.loop.schedule();
      await confirmed;
    }
    const { minRevision } = options;
    if (minRevision === 0n || this.machine.store.revision >= minRevision) return;
    if (await this.#wait(this.#waiters.revision, minRevision, options.deadlineMs)) return;
    throw new ReplicaError(
      "deadline-exceeded",
      `revision ${minRevision} did not arrive at this member in time; it has ${this.machine.store.revision}`,
      { detail: { revision: this.machine.store.revision } },
    );
  }

  /** True once the change at this index, or what followed it, is committed and no longer joint. */
  awaitChange(index: bigint, deadlineMs: number): Promise<boolean> {
    return this.#wait(this.#waiters.change, index, deadlineMs);
  }

  /** True once this member leads, as far as is known here; NO_MEMBER: once any does. */
  awaitLeader(id: MemberId, deadlineMs: number): Promise<boolean> {
    return this.#wait(this.#waiters.leader, id, deadlineMs);
  }

  /** The loop looks after deadlines only while it knows that somebody waits. */
  #wait<T>(waiters: Waiters<T>, value: T, deadlineMs: number): Promise<boolean> {
    const met = waiters.wait(value, deadlineMs);
    this.loop.schedule();
    return met;
  }

  /** As leader: makes another voter the leader, within an election timeout. */
  async handOver(): Promise<void> {
    const { clock, config, log } = this.#parts;
    if (!this.isLeader) return;
    const beganMs = clock.nowMs();
    const successor = await this.onLoop(() => {
      const chosen = bestSuccessor(this.node.status());
      return chosen !== undefined && this.node.transferLeadership(chosen).ok ? chosen : undefined;
    }).catch(() => undefined);
    if (successor === undefined) return;
    const done = await this.awaitLeader(successor, clock.nowMs() + config.electionTimeoutMs);
    log.record("raft.handover", { to: formatId(successor), done, tookMs: clock.nowMs() - beganMs });
  }

  /** Waits until nothing that was asked is under way, for a while. */
  async drain(): Promise<void> {
    const { clock, limits } = this.#parts;
    await this.#wait(this.#waiters.idle, undefined, clock.nowMs() + limits.drainMaxMs);
  }

  /** Runs with the core at hand in the next turn of its loop; rejects when there is none any more. */
  onLoop<T>(task: () => T): Promise<T> {
    return this.loop.ask(task);
  }

  /** Writes what is applied to the disk; nothing may be received any more. */
  async stop(error: ReplicaError): Promise<void> {
    this.loop.close(error);
    this.snapshotReceiver.stop();
    this.proposals.close(error);
    this.reads.close(error);
    this.#writes.close(error);
    this.#waiters.close();
    await this.machine.flush();
  }

  async #install(snapshot: SnapshotMetadata): Promise<void> {
    const { directory, log, clock, metrics } = this.#parts;
    const beganMs = clock.nowMs();
    const received = this.snapshotReceiver.take(snapshot);
    await this.machine.pause();
    await directory.install(received, () => this.machine.reload());
    this.snapshotReceiver.release();
    this.#configurationLoaded();
    const tookMs = clock.nowMs() - beganMs;
    metrics.snapshotInstallDuration.observe(tookMs / 1000);
    metrics.snapshotInstalls.labels({ result: "ok" }).increment();
    log.record("snapshot.installed", { index: snapshot.index, tookMs });
  }

  #failed(error: unknown): void {
    this.#parts.log.record("raft.failed", { status: describeStatus(this.node.status()) });
    this.#parts.failed(error);
  }

  #apply(entry: Entry): void {
    const startMs = this.#stages.startMs();
    const { results, configuration } = this.machine.apply(entry);
    this.proposals.applied(entry, results, startMs);
    if (configuration !== undefined) this.#configurationApplied(configuration);
  }

  /** What the store says without an entry being applied: after a snapshot, or a crash before the disk knew. */
  #configurationLoaded(): void {
    const { configuration } = this.machine.applier;
    if (configuration !== undefined) this.#configurationApplied(configuration);
  }

  /** A configuration is committed: this member may have joined by it, or be removed by it (A8). */
  #configurationApplied({ index, configuration }: IndexedConfiguration): void {
    const { directory, failed, removed } = this.#parts;
    const joinedIndex = directory.identity.joinedIndex ?? this.#joinedIndex;
    if (!isMember(configuration, this.id)) {
      if (joinedIndex !== undefined && index >= joinedIndex) removed(index);
      return;
    }
    if (joinedIndex !== undefined) return;
    const record = decodeMemberRecords(configuration.context).find(({ id }) => id === this.id);
    this.#joinedIndex = record?.joinedIndex ?? index;
    directory.markJoined(this.#joinedIndex).catch(failed);
  }

  #softStateChanged(state: SoftState): void {
    const { metrics, clock } = this.#parts;
    const before = this.#softState;
    this.#softState = state;
    this.readiness.leaderIs(state.leader);
    if (before.role !== state.role || before.leader !== state.leader) {
      this.#log.roleChanged(state, this.node.term);
    }
    if (before.leader !== state.leader && state.leader !== NO_MEMBER) metrics.leaderChanges.increment();
    if (before.role === "leader" && state.role !== "leader") {
      this.proposals.takeWaiting((reject) => reject(this.notLeaderError()));
    }
    this.#waiters.leader.check(clock.nowMs());
  }

  /** Answers when it has something to do again, if nothing happens before. */
  #turnEnded(nowMs: number): number {
    const { limits } = this.#parts;
    if (this.peers.follow(this.node.configuration, nowMs)) {
      this.#log.configurationChanged(this.node.configuration);
    }
    this.#log.progressed({ term: this.node.term, compactedRevision: this.machine.store.compactedRevision });
    this.readiness.confirm();
    this.#waiters.check(nowMs);
    this.#writes.expire(nowMs);
    this.machine.tick(nowMs);
    this.#housekeeping.tick(nowMs);
    const callersWait = this.#waiters.anyWaits || this.#writes.underWay > 0;
    const dueMs = Math.min(this.machine.dueMs(nowMs), this.#housekeeping.dueMs);
    return callersWait ? Math.min(dueMs, nowMs + limits.tickMs) : dueMs;
  }
}

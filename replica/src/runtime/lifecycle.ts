import { encodeMemberRecords } from "../apply/member-records.ts";
import type { FatalError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { encodeConfiguration } from "../raft/confchange/codec.ts";
import type { MemberId } from "../raft/types.ts";
import type { DataDirectory, StartState, StorageUsage } from "../storage/types.ts";
import type { PeerAddress, PeerTransport } from "../transport/types.ts";
import type { Clock } from "./clock.ts";
import type { ReplicaConfig } from "./config.ts";
import type { DiskWatch } from "./disk-watch.ts";
import { asFatal, storageRefusal } from "./lifecycle-errors.ts";
import type { RuntimeLimits } from "./limits.ts";
import { Member } from "./member.ts";
import { formatId } from "./membership.ts";
import { Recovery } from "./recovery.ts";
import { type Identity, ReplicaError } from "./replica-api.ts";
import type { RuntimeMetrics } from "./runtime-metrics.ts";

export interface LifecycleParts {
  readonly directory: DataDirectory;
  readonly config: ReplicaConfig;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  readonly metrics: RuntimeMetrics;
  readonly disk: DiskWatch;
  readonly limits: RuntimeLimits;
  readonly failed: (error: FatalError) => void;
}

/**
 * What a replica is at the moment: blank until a cluster is founded on it or a leader calls it, then a member,
 * and quiet once it is removed. What a member does is in {@link Member}.
 */
export class Lifecycle {
  readonly #parts: LifecycleParts;
  #directory: DataDirectory;
  #transport: PeerTransport | undefined;
  #member: Member | undefined;
  #recovery: Recovery | undefined;
  /** A cluster id is being stamped on the disk: by founding a cluster or by joining one. Never rejects. */
  #joining: Promise<void> | undefined;
  /** Set from when the member knows that it is removed, before the disk says so; never rejects. */
  #removing: { readonly index: bigint; readonly done: Promise<void> } | undefined;
  #leaving = false;
  #stopping = false;
  /** The old directory is closed and the new one is not open yet. */
  #resetting = false;

  constructor(parts: LifecycleParts) {
    this.#parts = parts;
    this.#directory = parts.directory;
  }

  /** Begins to take part, if the disk says that it is a member. */
  start(transport: PeerTransport): void {
    this.#transport = transport;
    const { log } = this.#parts;
    const { memberId, clusterId, removedIndex, incarnation } = this.#directory.identity;
    for (const note of this.#directory.notes) log.record("storage.repaired", { note });
    log.record("replica.identity", {
      member: formatId(memberId),
      cluster: formatId(clusterId ?? 0n),
      incarnation,
      state: describeState(this.#directory),
    });
    if (removedIndex !== undefined) log.record("replica.removed", { index: removedIndex });
    else if (this.#directory.start.kind === "needsSnapshot") this.#recover(this.#directory.start);
    else if (clusterId !== undefined) this.#startMember();
  }

  #recover({ minIndex, configuration, reason }: Extract<StartState, { kind: "needsSnapshot" }>): void {
    const { clock, log, limits, metrics } = this.#parts;
    log.record("store.lost", { minIndex, why: reason });
    this.#recovery = new Recovery({
      directory: this.#directory,
      transport: this.#transport!,
      clock,
      log,
      limits,
      metrics,
      minIndex,
      configuration,
      failed: (error) => this.#failed(error),
      recovered: () => {
        this.#recovery = undefined;
        if (!this.#stopping && !this.isRemoved) this.#startMember();
      },
    });
    this.#recovery.start();
  }

  #startMember(): Member {
    const member = new Member({
      ...this.#parts,
      directory: this.#directory,
      transport: this.#transport!,
      failed: (error) => this.#failed(error),
      removed: (index) => this.removedAt(index),
    });
    this.#member = member;
    member.start();
    return member;
  }

  #failed(error: unknown): void {
    this.#parts.failed(asFatal(error));
  }

  /** A committed configuration is without this member. */
  removedAt(index: bigint): void {
    const member = this.#member;
    const recovery = this.#recovery;
    if (member === undefined && recovery === undefined) return;
    this.#member = undefined;
    this.#recovery = undefined;
    member?.loop.stop();
    recovery?.stop();
    this.#transport!.setPeers([]);
    const done = this.#directory
      .markRemoved(index)
      .then(() => member?.stop(this.#removedError()))
      .catch((error) => this.#failed(error));
    this.#removing = { index, done };
    this.#parts.log.record("replica.removed", { index });
  }

  get #removedIndex(): bigint | undefined {
    return this.#directory.identity.removedIndex ?? this.#removing?.index;
  }

  #removedError(): ReplicaError {
    const { memberId } = this.#directory.identity;
    const index = this.#removedIndex;
    return new ReplicaError(
      "member-removed",
      `member ${formatId(memberId)} was removed from the cluster: reset it ("rstore member reset") before it can join again`,
      { outcome: "not-applied", ...(index === undefined ? {} : { detail: { index } }) },
    );
  }

  /** The member, or why there is none. */
  expectMember(): Member {
    if (this.#stopping)
      throw new ReplicaError("shutting-down", "the replica is stopping: ask another one", {
        outcome: "not-applied",
      });
    if (this.#member !== undefined) return this.#member;
    if (this.isRemoved) throw this.#removedError();
    if (this.#recovery !== undefined) {
      throw new ReplicaError(
        "not-ready",
        "the store of this member was lost and is fetched anew: ask another one",
        {
          outcome: "not-applied",
        },
      );
    }
    throw new ReplicaError(
      "not-initialized",
      'the replica is blank: found a cluster on it ("rstore bootstrap") or add it to one ("rstore member add")',
      { outcome: "not-applied" },
    );
  }

  /** The replica is between two directories. */
  get resetting(): boolean {
    return this.#resetting;
  }

  /** Throws while a reset changes it. */
  get directory(): DataDirectory {
    if (this.#resetting)
      throw new ReplicaError("not-ready", "the replica is being reset: try again in a moment");
    return this.#directory;
  }

  storeUsage(): StorageUsage {
    return this.#resetting ? { usedBytes: 0, fileBytes: 0 } : this.#directory.store.usage();
  }

  get member(): Member | undefined {
    return this.#member;
  }

  /** Set while the member has no store and fetches one. */
  get recovery(): Recovery | undefined {
    return this.#recovery;
  }

  /** It was asked to stop; it serves while it hands over. */
  get leaving(): boolean {
    return this.#leaving;
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  get isRemoved(): boolean {
    return this.#removedIndex !== undefined;
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
    // One at a time: the disk looks for a stamp before it writes its own (B3).
    while (this.#joining !== undefined) await this.#joining;
    this.#refuseBootstrap();
    const founded = this.#directory.bootstrap(clusterId, configuration).then(() => {
      this.#parts.log.record("replica.founded", { cluster: formatId(clusterId) });
      this.#startJoined();
    });
    this.#joining = this.#untilJoined(founded);
    try {
      await founded;
    } catch (error) {
      throw storageRefusal(error);
    }
    return { configurationIndex: 1n };
  }

  /** Asked again it is confirmed, but it wakes nobody: not one that was removed, nor one without its store. */
  #refuseBootstrap(): void {
    if (this.#member !== undefined) return;
    if (this.isRemoved) throw this.#removedError();
    if (this.#transport === undefined || this.#recovery !== undefined || this.#resetting || this.#stopping) {
      throw new ReplicaError(
        "not-ready",
        "the replica is starting, recovering, being reset or stopping: try again in a moment",
      );
    }
  }

  /** The disk is stamped: the member starts, unless it runs already or the replica ends. */
  #startJoined(): void {
    if (this.#member === undefined && !this.#stopping) this.#startMember();
  }

  #untilJoined(stamped: Promise<void>): Promise<void> {
    return stamped
      .catch(() => undefined)
      .finally(() => {
        this.#joining = undefined;
      });
  }

  async reset(clusterId: bigint, memberId: MemberId, removedIndex: bigint): Promise<{ memberId: MemberId }> {
    this.#refuseReset(clusterId, memberId, removedIndex);
    this.#resetting = true;
    await this.#removing?.done;
    const member = this.#member;
    this.#member = undefined;
    this.#recovery?.stop();
    this.#recovery = undefined;
    this.#transport!.setPeers([]);
    try {
      if (member !== undefined) await member.stop(this.#removedError());
      this.#directory = await this.#directory.reset({
        clusterId,
        memberId,
        removedIndex: removedIndex === 0n ? undefined : removedIndex,
      });
      this.#removing = undefined;
    } catch (error) {
      if (member !== undefined) this.#startMember();
      throw storageRefusal(error);
    } finally {
      this.#resetting = false;
    }
    const blank = this.#directory.identity.memberId;
    this.#parts.log.record("replica.reset", { member: formatId(blank) });
    return { memberId: blank };
  }

  /** What the disk would refuse is refused before the member is stopped for it. */
  #refuseReset(clusterId: bigint, memberId: MemberId, removedIndex: bigint): void {
    const { identity } = this.#directory;
    if (this.#joining !== undefined || this.#resetting) {
      throw new ReplicaError("not-ready", "the replica is joining or being reset: try again in a moment");
    }
    if (identity.memberId !== memberId) {
      throw new ReplicaError(
        "wrong-member",
        `this is member ${formatId(identity.memberId)}, not ${formatId(memberId)}`,
      );
    }
    // A blank disk has nothing to lose: only its id may be known as removed.
    if (identity.clusterId !== undefined && identity.clusterId !== clusterId) {
      throw new ReplicaError("wrong-cluster", "the data is of another cluster: it is never reset from here");
    }
    if (!this.isRemoved && removedIndex === 0n) {
      throw new ReplicaError(
        "invalid-argument",
        "the member does not know that it was removed: name the index of its removal (removed_index)",
        { detail: { subject: "removed_index" } },
      );
    }
  }

  /** A leader calls a blank replica: it becomes a member of that cluster once its disk says so. */
  join(clusterId: bigint, leader: PeerAddress): void {
    if (this.#joining !== undefined || this.#stopping || this.#transport === undefined) return;
    // The id that the leader means is about to go.
    if (this.#resetting) return;
    if (this.#directory.identity.clusterId !== undefined) return;
    const { log } = this.#parts;
    log.record("replica.joins", { cluster: formatId(clusterId), leader: formatId(leader.memberId) });
    const stamped = this.#directory
      .stampCluster(clusterId)
      .then(() => {
        this.#startJoined();
        this.#member?.peers.called(leader);
      })
      .catch((error) => this.#failed(error));
    this.#joining = this.#untilJoined(stamped);
  }

  /** Hands leadership over, lets what is under way end, and writes everything to the disk. */
  async stop(): Promise<void> {
    this.#leaving = true;
    const member = this.#member;
    if (member !== undefined) await member.handOver();
    this.#stopping = true;
    this.#recovery?.stop();
    await this.#joining;
    await this.#removing?.done;
    if (member !== undefined) {
      await member.drain();
      // Another one that ends at the same time may have made this one the leader meanwhile.
      await member.handOver();
      await member.stop(
        new ReplicaError("shutting-down", "the replica is stopping", { outcome: "not-applied" }),
      );
    }
  }

  close(): Promise<void> {
    return this.#directory.close();
  }
}

function describeState({ identity, start }: DataDirectory): string {
  if (identity.removedIndex !== undefined) return "removed";
  if (identity.clusterId === undefined) return "blank";
  return start.kind === "needsSnapshot" ? "recovering" : "member";
}

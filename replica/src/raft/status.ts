import { isJoint } from "./confchange/configuration.ts";
import type { Raft } from "./raft.ts";
import { NEVER, type Progress, type ProgressState } from "./tracker/progress.ts";
import type { IndexedConfiguration, MemberId, Role } from "./types.ts";

/** What the leader knows of one member. */
export interface MemberStatus {
  readonly id: MemberId;
  /** Durable on it up to here. */
  readonly match: bigint;
  readonly next: bigint;
  readonly state: ProgressState;
  readonly paused: boolean;
  /** In state "snapshot": the index of the snapshot that is on its way; else 0n. */
  readonly pendingSnapshotIndex: bigint;
  /** Heard of within an election timeout. */
  readonly recentActive: boolean;
  /** Ticks since it was heard of; undefined if never in this term. */
  readonly ticksSinceHeard: number | undefined;
  readonly inflightMessages: number;
  readonly inflightBytes: number;
}

export interface LeaverStatus extends MemberStatus {
  /** Index of the first configuration without it. */
  readonly configurationIndex: bigint;
  readonly remainingTicks: number;
}

/** A copy: it does not change with the core. */
export interface Status {
  readonly id: MemberId;
  readonly role: Role;
  readonly term: bigint;
  readonly vote: MemberId;
  /** NO_MEMBER when unknown. */
  readonly leader: MemberId;
  readonly commit: bigint;
  readonly applied: bigint;
  readonly firstIndex: bigint;
  readonly lastIndex: bigint;
  /** Entries up to here are on the own disk. */
  readonly durableIndex: bigint;
  /** In force: the newest in the log. */
  readonly configuration: IndexedConfiguration;
  readonly joint: boolean;
  /** Is the configuration in force committed? */
  readonly configurationCommitted: boolean;
  /** The newest committed one; a member that is not in it is removed (unless it joins only later). */
  readonly committedConfiguration: IndexedConfiguration;
  /** Leader: is an entry of its own term committed? Until then there are no reads and no changes. */
  readonly committedInTerm: boolean;
  /** Leader: bytes of its entries that are not committed. */
  readonly uncommittedBytes: number;
  /** Leader: all members, itself included if it is one, by id. Empty on others. */
  readonly members: readonly MemberStatus[];
  /** Leader: members that left and do not know it for sure yet. */
  readonly leavers: readonly LeaverStatus[];
  readonly transferTarget: MemberId | undefined;
  readonly pendingReads: number;
  /** Since the start of the process. */
  readonly preVotesStarted: number;
  readonly electionsStarted: number;
}

export function statusOf(raft: Raft): Status {
  const { log, configurations } = raft;
  const byId = (a: { id: MemberId }, b: { id: MemberId }): number => (a.id < b.id ? -1 : 1);
  return {
    id: raft.id,
    role: raft.role,
    term: raft.term,
    vote: raft.vote,
    leader: raft.leader,
    commit: log.committed,
    applied: log.applied,
    firstIndex: log.firstIndex,
    lastIndex: log.lastIndex,
    durableIndex: log.durableIndex,
    configuration: configurations.inForce,
    joint: isJoint(raft.configuration),
    configurationCommitted: configurations.isInForceCommitted(),
    committedConfiguration: configurations.committed,
    committedInTerm: raft.role === "leader" && raft.hasCommittedInTerm(),
    uncommittedBytes: raft.uncommitted.bytes,
    members: [...raft.tracker.members.values()].map((progress) => memberStatus(raft, progress)).sort(byId),
    leavers: [...raft.tracker.leavers.values()].map((leaver) => ({
      ...memberStatus(raft, leaver.progress),
      configurationIndex: leaver.configurationIndex,
      remainingTicks: leaver.remainingTicks,
    })),
    transferTarget: raft.transfer?.target,
    pendingReads: raft.reads.pendingCount,
    preVotesStarted: raft.preVotesStarted,
    electionsStarted: raft.electionsStarted,
  };
}

function memberStatus(raft: Raft, progress: Progress): MemberStatus {
  const { id, match, next, state, paused, pendingSnapshotIndex, lastHeardTick, inflights } = progress;
  const isSelf = id === raft.id;
  return {
    id,
    match,
    next,
    state: isSelf ? "replicate" : state,
    paused: !isSelf && paused,
    pendingSnapshotIndex,
    recentActive: isSelf || progress.wasHeardWithin(raft.options.electionTimeoutTicks, raft.nowTick),
    ticksSinceHeard: isSelf ? 0 : lastHeardTick === NEVER ? undefined : raft.nowTick - lastHeardTick,
    inflightMessages: inflights.count,
    inflightBytes: inflights.bytes,
  };
}

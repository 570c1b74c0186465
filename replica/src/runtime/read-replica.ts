import type { DiskReading, MemberReading, ProblemKind, ReplicaReading } from "../metrics/reading.ts";
import { majorityOf } from "../raft/quorum/majority.ts";
import type { Status } from "../raft/status.ts";
import type { MemberId } from "../raft/types.ts";
import type { DataDirectory } from "../storage/types.ts";
import type { PeerStats } from "../transport/types.ts";
import type { Clock } from "./clock.ts";
import type { DiskWatch } from "./disk-watch.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Member } from "./member.ts";
import type { Replica } from "./replica.ts";

export interface ReadReplicaParts {
  readonly replica: Replica;
  readonly lifecycle: Lifecycle;
  readonly disk: DiskWatch;
  readonly clock: Pick<Clock, "nowMs">;
  readonly peers: readonly PeerStats[];
}

/** What a scrape shows, from memory alone. Undefined while the replica is between two directories. */
export function readReplica({
  replica,
  lifecycle,
  disk,
  clock,
  peers,
}: ReadReplicaParts): ReplicaReading | undefined {
  if (lifecycle.resetting) return undefined;
  const { member } = lifecycle;
  const status = replica.status();
  return {
    identity: replica.identity(),
    state: replica.answerState(),
    status,
    ready: replica.readiness().length === 0,
    problems: problemsOf(lifecycle, disk, status.diskRefused),
    member: member === undefined ? undefined : readMember(member, clock.nowMs()),
    disk: readDisk(lifecycle.directory, disk),
    peers: peers.map((peer) => ({ ...peer, name: member?.record(peer.memberId)?.name ?? "" })),
  };
}

function problemsOf(lifecycle: Lifecycle, disk: DiskWatch, diskRefused: boolean): readonly ProblemKind[] {
  const { member } = lifecycle;
  const { state, reason } = disk.report;
  const isBlank = member === undefined && !lifecycle.isRemoved && lifecycle.recovery === undefined;
  const holds: Readonly<Record<ProblemKind, boolean>> = {
    stopping: lifecycle.leaving,
    resetting: lifecycle.resetting,
    removed: lifecycle.isRemoved,
    "store-lost": lifecycle.recovery !== undefined,
    uninitialized: isBlank,
    "no-leader": member?.readiness.isLeaderless ?? false,
    "not-caught-up": member !== undefined && !member.readiness.isCaughtUp,
    "disk-refused": diskRefused,
    quota: state === "low" && reason === "quota",
    "disk-low": state === "low" && reason === "disk",
    "disk-full": state === "full",
  };
  return (Object.keys(holds) as ProblemKind[]).filter((kind) => holds[kind]);
}

function readDisk({ log, store }: DataDirectory, { report }: DiskWatch): DiskReading {
  const [ofLog, ofStore] = [log.usage(), store.usage()];
  return {
    availableBytes: report.freeBytes,
    sizeBytes: report.totalBytes,
    state: report.state,
    hasReserve: report.hasReserve,
    logFreeBytes: Math.max(0, ofLog.fileBytes - ofLog.usedBytes),
    storeFreeBytes: Math.max(0, ofStore.fileBytes - ofStore.usedBytes),
    logEntryBytes: log.bytesAfter(log.firstIndex() - 1n),
  };
}

function readMember(member: Member, nowMs: number): MemberReading {
  const { node, proposals, reads, loop, machine, snapshotSender, snapshotReceiver } = member;
  const status = node.status();
  const { voters, outgoing, learners } = status.configuration.configuration;
  const isLeader = status.role === "leader";
  return {
    voters: voters.length,
    outgoing: outgoing.length,
    learners: learners.length,
    isLearner: learners.includes(member.id),
    failuresTolerated: isLeader ? failuresTolerated(status) : undefined,
    followers: status.members
      .filter(({ id }) => id !== member.id)
      .map(({ id, match, state, recentActive, inflightBytes }) => ({
        memberId: id,
        lagEntries: Number(status.lastIndex - match),
        state,
        active: recentActive,
        inflightBytes,
      })),
    preVotesStarted: status.preVotesStarted,
    electionsStarted: status.electionsStarted,
    proposalsPending: proposals.pending,
    readsPending: reads.pending,
    logFlushUnderWaySeconds: (nowMs - (loop.writingSinceMs ?? nowMs)) / 1000,
    overlayBytes: machine.applier.overlayBytes,
    compactionPending: machine.store.compactionPending,
    snapshotsSending: snapshotSender.underWay,
    snapshotReceiving: snapshotReceiver.busy,
  };
}

/** Of the half of the configuration that is worse off. */
function failuresTolerated({ configuration, members }: Status): number {
  const { voters, outgoing } = configuration.configuration;
  const active = new Set(members.filter(({ recentActive }) => recentActive).map(({ id }) => id));
  const spare = (half: readonly MemberId[]): number =>
    half.filter((id) => active.has(id)).length - majorityOf(half.length);
  return outgoing.length === 0 ? spare(voters) : Math.min(spare(voters), spare(outgoing));
}

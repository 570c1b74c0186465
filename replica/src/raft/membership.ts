import { encodeConfiguration } from "./confchange/codec.ts";
import { changeTowards, invalidTarget, leaveJoint } from "./confchange/confchange.ts";
import { isJoint, isVoter } from "./confchange/configuration.ts";
import { jointPosition } from "./quorum/joint.ts";
import type { Raft } from "./raft.ts";
import { maybeFinishRound } from "./read-index.ts";
import { broadcastHeartbeat, sendAppends, sendHeartbeat } from "./replication.ts";
import { abortTransfer, bestSuccessor, sendTimeoutNow } from "./transfer.ts";
import {
  type ChangeRefusal,
  type ChangeResult,
  type Configuration,
  type MemberId,
  NO_MEMBER,
  type TargetConfiguration,
} from "./types.ts";

/**
 * Leader: appends the first configuration on the way to `target`; if that is joint, the leader leaves it by
 * itself once it is committed. `expectedIndex` is the index of the configuration that the caller saw in
 * force: the change is made from that or not at all.
 */
export function proposeConfiguration(
  raft: Raft,
  expectedIndex: bigint,
  target: TargetConfiguration,
): ChangeResult {
  const refusal = refuseNow(raft, expectedIndex) ?? refuseTarget(raft, target);
  if (refusal !== undefined) return { ok: false, ...refusal };
  const next = changeTowards(raft.configuration, target);
  const data = encodeConfiguration(next);
  if (data.length > raft.options.proposalMaxBytes) {
    const message = `the configuration takes ${data.length} bytes, at most ${raft.options.proposalMaxBytes} are allowed`;
    return { ok: false, reason: "invalid", message };
  }
  const deadHalf = isJoint(next) ? refuseWithoutQuorum(raft, next) : undefined;
  if (deadHalf !== undefined) return { ok: false, ...deadHalf };
  const index = raft.appendEntry("configuration", data);
  // A round that is under way now needs the new voters too.
  if (raft.reads.round !== undefined) broadcastHeartbeat(raft);
  return { ok: true, term: raft.term, index };
}

/** Is this a moment to change anything? */
function refuseNow(raft: Raft, expectedIndex: bigint): ChangeRefusal | undefined {
  if (raft.role !== "leader") return { reason: "not-leader", leader: raft.leader };
  if (raft.transfer !== undefined) return { reason: "transferring", target: raft.transfer.target };
  const { index, configuration } = raft.configurations.inForce;
  if (index !== expectedIndex) return { reason: "index-mismatch", index };
  if (!raft.configurations.isInForceCommitted() || isJoint(configuration)) {
    return { reason: "change-in-progress", index };
  }
  // Without this, configurations of two leaders may have quorums that do not meet (Ongaro 2015, A1).
  if (!raft.hasCommittedInTerm()) return { reason: "term-not-committed" };
  return undefined;
}

function refuseTarget(raft: Raft, target: TargetConfiguration): ChangeRefusal | undefined {
  const message = invalidTarget(target);
  if (message !== undefined) return { reason: "invalid", message };
  const { voters, learners } = raft.configuration;
  for (const member of target.voters) {
    if (voters.includes(member)) continue;
    const lag = raft.log.lastIndex - (raft.tracker.member(member)?.match ?? 0n);
    const isReady = learners.includes(member) && raft.isActive(member);
    if (!isReady || lag > raft.options.promoteMaxLagEntries) {
      return { reason: "learner-not-ready", member, lag };
    }
  }
  return undefined;
}

/** Could the next configuration decide anything at once? A dead member alone is no reason (A9). */
function refuseWithoutQuorum(raft: Raft, next: Configuration): ChangeRefusal | undefined {
  const isLive = (id: MemberId): bigint => (raft.isActive(id) ? 1n : 0n);
  if (jointPosition(next, isLive) >= 1n) return undefined;
  const voters = new Set([...next.voters, ...next.outgoing]);
  return { reason: "no-live-quorum", dead: [...voters].filter((id) => !raft.isActive(id)) };
}

/**
 * Leader, when a Ready is taken: appends the configuration that ends a joint one, once that is committed. So
 * does a new leader with what its predecessor began, once an entry of its own term is committed (A2).
 */
export function maybeLeaveJoint(raft: Raft): void {
  if (!isJoint(raft.configuration) || !raft.configurations.isInForceCommitted()) return;
  // During a transfer the log must not grow; the next leader leaves, or this one after giving up.
  if (!raft.hasCommittedInTerm() || raft.transfer !== undefined) return;
  raft.appendEntry("configuration", encodeConfiguration(leaveJoint(raft.configuration)));
  // The quorum is another one: what waited for the outgoing half may be confirmed.
  maybeFinishRound(raft);
}

/**
 * Leader, when a Ready is taken: one without a vote in the committed configuration has led up to here (Raft
 * §6), tells the others of the commit, and hands over to the one that can win at once.
 */
export function maybeStepDown(raft: Raft): void {
  if (!raft.configurations.isInForceCommitted() || isVoter(raft.configuration, raft.id)) return;
  sendAppends(raft);
  const successor = bestSuccessor(raft);
  if (successor !== NO_MEMBER) sendTimeoutNow(raft, successor);
  abortTransfer(raft);
  raft.becomeFollower(raft.term, NO_MEMBER);
}

/**
 * Leader, when a Ready is taken: asks leavers that have the configuration without them for a sign that they
 * know its commit: the answer to a heartbeat that carries it.
 */
export function askLeavers(raft: Raft): void {
  for (const leaver of raft.tracker.leavers.values()) {
    const { progress, configurationIndex } = leaver;
    if (leaver.confirmSequence !== 0n || raft.log.committed < configurationIndex) continue;
    if (progress.match < configurationIndex) continue;
    leaver.confirmSequence = raft.reads.nextSequence();
    sendHeartbeat(raft, progress, leaver.confirmSequence);
  }
}

/** Leader: a leaver that answered the heartbeat with the commit knows all it needs to. */
export function maybeReleaseLeaver(raft: Raft, from: MemberId, readSequence: bigint): void {
  const leaver = raft.tracker.leavers.get(from);
  if (leaver === undefined || leaver.confirmSequence === 0n) return;
  if (readSequence >= leaver.confirmSequence) raft.tracker.removeLeaver(from);
}

/** Leader: gives a leaver up when its time, counted from the commit, is over. */
export function tickLeavers(raft: Raft): void {
  for (const [id, leaver] of raft.tracker.leavers) {
    if (raft.log.committed < leaver.configurationIndex) continue;
    leaver.remainingTicks--;
    if (leaver.remainingTicks <= 0) raft.tracker.removeLeaver(id);
  }
}

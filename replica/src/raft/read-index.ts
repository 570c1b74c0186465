import { jointPosition } from "./quorum/joint.ts";
import type { Raft } from "./raft.ts";
import { sendHeartbeat } from "./replication.ts";
import {
  type MemberId,
  NO_MEMBER,
  type ReadFailure,
  type ReadIndexRequest,
  type ReadIndexResponse,
} from "./types.ts";

/** A read of this member's own. Answered in readStates or readFailures. */
export function readIndex(raft: Raft, requestId: bigint): void {
  if (raft.role === "leader") {
    if (!raft.reads.gather({ from: raft.id, requestId })) fail(raft, requestId, "rejected");
    return;
  }
  if (raft.leader === NO_MEMBER) {
    fail(raft, requestId, "no-leader");
    return;
  }
  const askId = raft.reads.ask(requestId, raft.nowTick);
  if (askId === undefined) {
    fail(raft, requestId, "rejected");
    return;
  }
  const { id: from, leader: to, term } = raft;
  raft.send({ type: "ReadIndexRequest", from, to, term, requestId: askId });
}

function fail(raft: Raft, requestId: bigint, reason: ReadFailure["reason"]): void {
  raft.readFailures.push({ requestId, reason });
}

/** Leader: a follower asks for a read index. */
export function handleReadIndexRequest(raft: Raft, message: ReadIndexRequest): void {
  const { from, requestId } = message;
  const isMember = raft.tracker.member(from) !== undefined;
  if (!isMember || !raft.reads.gather({ from, requestId })) answer(raft, from, requestId, undefined);
}

/** Not the leader of this term any more, or never: the follower need not wait. */
export function rejectReadIndexRequest(raft: Raft, message: ReadIndexRequest): void {
  answer(raft, message.from, message.requestId, undefined);
}

function answer(raft: Raft, to: MemberId, requestId: bigint, index: bigint | undefined): void {
  const { id: from, term } = raft;
  const rejected = index === undefined;
  raft.send({ type: "ReadIndexResponse", from, to, term, requestId, index: index ?? 0n, rejected });
}

/** Follower: the leader's answer to a read of ours, in the term in which it was asked. */
export function handleReadIndexResponse(raft: Raft, message: ReadIndexResponse): void {
  const requestId = raft.reads.answered(message.requestId);
  if (requestId === undefined) return;
  if (message.rejected) fail(raft, requestId, "rejected");
  else raft.readStates.push({ requestId, index: message.index });
}

/**
 * Leader, when a Ready is taken: sends the heartbeats of the next round if reads wait and none is under way.
 * Not before an entry of its term is committed: until then the leader may not know how far the commit index
 * of its predecessor went (dissertation §6.4; A10).
 */
export function maybeStartRound(raft: Raft): void {
  if (!raft.reads.isRoundDue() || !raft.hasCommittedInTerm()) return;
  const { sequence } = raft.reads.startRound(raft.log.committed);
  const { voters, outgoing } = raft.configuration;
  for (const progress of raft.tracker.members.values()) {
    const { id } = progress;
    if (id === raft.id || !(voters.includes(id) || outgoing.includes(id))) continue;
    sendHeartbeat(raft, progress, sequence);
  }
  maybeFinishRound(raft);
}

/** Leader: answers the round that is under way if a quorum acknowledged its heartbeats or later ones. */
export function maybeFinishRound(raft: Raft): void {
  const { round } = raft.reads;
  if (round === undefined) return;
  const { sequence, index } = round;
  const confirmed = jointPosition(raft.configuration, (id) =>
    id === raft.id ? sequence : (raft.tracker.member(id)?.readSequence ?? 0n),
  );
  if (confirmed < sequence) return;
  for (const { from, requestId } of round.reads) {
    if (from === raft.id) raft.readStates.push({ requestId, index });
    else answer(raft, from, requestId, index);
  }
  raft.reads.finishRound();
}

/** Follower: gives up what the leader did not answer within an election timeout. */
export function tickReads(raft: Raft): void {
  raft.reads.expireAsked(raft.nowTick - raft.options.electionTimeoutTicks, raft.readFailures);
}

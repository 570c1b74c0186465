import { isVoter, membersOf } from "./confchange/configuration.ts";
import { jointPosition, jointVotes } from "./quorum/joint.ts";
import type { Raft } from "./raft.ts";
import {
  type MemberId,
  NO_MEMBER,
  type PreVote,
  type PreVoteResponse,
  type RequestVote,
  type RequestVoteResponse,
} from "./types.ts";

/** The part of an election timeout over which followers spread when the leader's connection was lost. */
const DISCONNECT_SPREAD = 1 / 4;

/** Asks for a pre-vote; one that is won leads to an election. Does nothing on a leader or without a vote. */
export function campaign(raft: Raft): void {
  if (raft.role === "leader" || !raft.isPromotable()) return;
  raft.becomePreCandidate();
  // A pre-vote of our own promises nothing, so it need not wait for the disk.
  raft.votes.set(raft.id, true);
  requestVotes(raft, "PreVote", false);
  countVotes(raft);
}

/** Begins a new term. A transfer skips the pre-vote and the others' loyalty to the leader. */
export function startElection(raft: Raft, transfer: boolean): void {
  raft.becomeCandidate();
  requestVotes(raft, "RequestVote", transfer);
}

/**
 * The request claims a last index, a term and our own vote; so it leaves when all that is durable. Our own
 * vote counts then too: see {@link countOwnVote}.
 */
function requestVotes(raft: Raft, type: "PreVote" | "RequestVote", transfer: boolean): void {
  const { id: from, log } = raft;
  const term = type === "PreVote" ? raft.term + 1n : raft.term;
  const { lastIndex: lastLogIndex, lastTerm: lastLogTerm } = log;
  for (const to of membersOf(raft.configuration)) {
    if (to === from || !isVoter(raft.configuration, to)) continue;
    raft.sendAfterAppend({ type, from, to, term, lastLogIndex, lastLogTerm, transfer });
  }
}

/** Candidate: its vote for itself is on the disk. */
export function countOwnVote(raft: Raft): void {
  const { term, vote } = raft.durableHardState;
  if (raft.role !== "candidate" || term !== raft.term || vote !== raft.id) return;
  if (raft.votes.has(raft.id)) return;
  raft.votes.set(raft.id, true);
  countVotes(raft);
}

/** Candidate and pre-candidate: an answer counts once, and the first counts. */
export function handleVoteResponse(raft: Raft, message: PreVoteResponse | RequestVoteResponse): void {
  if (!raft.votes.has(message.from)) raft.votes.set(message.from, message.granted);
  countVotes(raft);
}

function countVotes(raft: Raft): void {
  const result = jointVotes(raft.configuration, raft.votes);
  if (result === "pending") return;
  if (result === "lost") raft.becomeFollower(raft.term, NO_MEMBER);
  else if (raft.role === "pre-candidate") startElection(raft, false);
  else raft.becomeLeader();
}

/**
 * Any role: grants by term and log alone (Raft §5.2, §5.4.1), whoever asks and whatever our configuration
 * says: the candidate may know a newer one. Stickiness was judged by the term gate.
 */
export function handlePreVote(raft: Raft, message: PreVote): void {
  const { id: from } = raft;
  const { from: to } = message;
  const granted = (message.term > raft.term || isVoteFree(raft, to)) && isUpToDate(raft, message);
  const term = granted ? message.term : raft.term;
  raft.send({ type: "PreVoteResponse", from, to, term, granted });
}

export function handleRequestVote(raft: Raft, message: RequestVote): void {
  const { id: from, term } = raft;
  const { from: to } = message;
  const granted = isVoteFree(raft, to) && isUpToDate(raft, message);
  if (!granted) {
    raft.send({ type: "RequestVoteResponse", from, to, term, granted });
    return;
  }
  raft.vote = to;
  raft.electionElapsedTicks = 0;
  raft.sendAfterAppend({ type: "RequestVoteResponse", from, to, term, granted });
}

function isVoteFree(raft: Raft, candidate: MemberId): boolean {
  return raft.vote === candidate || (raft.vote === NO_MEMBER && raft.leader === NO_MEMBER);
}

function isUpToDate(raft: Raft, { lastLogIndex, lastLogTerm }: PreVote | RequestVote): boolean {
  return raft.log.isUpToDate(lastLogIndex, lastLogTerm);
}

/** Anyone but the leader: time without a leader passes. */
export function tickElection(raft: Raft): void {
  raft.electionElapsedTicks++;
  if (raft.electionElapsedTicks < raft.electionDeadlineTicks) return;
  if (raft.isPromotable()) {
    campaign(raft);
  } else {
    // It cannot campaign, but it need not believe in the old leader either.
    raft.setLeader(NO_MEMBER);
    raft.resetElectionTimer();
  }
}

/** Follower: the transport lost the leader, so it is probably gone; soon, but not all at once, ask the others. */
export function leaderDisconnected(raft: Raft): void {
  raft.setLeader(NO_MEMBER);
  raft.electionElapsedTicks = 0;
  const spread = Math.max(1, Math.floor(raft.options.electionTimeoutTicks * DISCONNECT_SPREAD));
  raft.electionDeadlineTicks = 1 + Math.floor(raft.options.random() * spread);
}

/** Leader: did a quorum answer within an election timeout? (check-quorum, dissertation §6.2) */
export function hasActiveQuorum(raft: Raft): boolean {
  return jointPosition(raft.configuration, (id) => (raft.isActive(id) ? 1n : 0n)) >= 1n;
}

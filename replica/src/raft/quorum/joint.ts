import { lower } from "../position.ts";
import type { MemberId } from "../types.ts";
import { type AcknowledgedPosition, majorityPosition, majorityVotes, type VoteResult } from "./majority.ts";

/** The voters of both halves; `outgoing` is empty unless the configuration is joint (Raft §6). */
export interface JointVoters {
  readonly voters: readonly MemberId[];
  readonly outgoing: readonly MemberId[];
}

/** The highest position that majorities of both halves have acknowledged. */
export function jointPosition(joint: JointVoters, acknowledged: AcknowledgedPosition): bigint {
  const incoming = majorityPosition(joint.voters, acknowledged);
  if (joint.outgoing.length === 0) return incoming;
  return lower(incoming, majorityPosition(joint.outgoing, acknowledged));
}

/** An election is won when both halves are, and lost as soon as either is. */
export function jointVotes(joint: JointVoters, votes: ReadonlyMap<MemberId, boolean>): VoteResult {
  const incoming = majorityVotes(joint.voters, votes);
  const outgoing = majorityVotes(joint.outgoing, votes);
  if (incoming === "lost" || outgoing === "lost") return "lost";
  return incoming === "won" && outgoing === "won" ? "won" : "pending";
}

import { jointPosition } from "./quorum/joint.ts";
import { UNBOUNDED } from "./quorum/majority.ts";
import type { Raft } from "./raft.ts";

/**
 * So many ticks, at least one, until one of them does what can be seen from outside. Only what happens
 * meanwhile (a message, a proposal, a finished write) may bring it forward.
 */
export function ticksUntilDue(raft: Raft): number {
  const due = raft.role === "leader" ? leaderTicksUntilDue(raft) : followerTicksUntilDue(raft);
  return Math.max(1, due);
}

function followerTicksUntilDue(raft: Raft): number {
  const election = raft.electionDeadlineTicks - raft.electionElapsedTicks;
  const { oldestAskedTick } = raft.reads;
  if (oldestAskedTick === undefined) return election;
  return Math.min(election, oldestAskedTick + raft.options.electionTimeoutTicks - raft.nowTick);
}

/** Of a transfer and of leavers only the next message shows that their time is over. */
function leaderTicksUntilDue(raft: Raft): number {
  const { electionTimeoutTicks, heartbeatTicks } = raft.options;
  const heartbeat = heartbeatTicks - raft.heartbeatElapsedTicks;
  // From this tick on a quorum has not been heard for an election timeout.
  const quorumLostTick = jointPosition(raft.configuration, (id) => {
    const progress = raft.tracker.member(id);
    if (id === raft.id) return UNBOUNDED;
    if (progress === undefined || !progress.wasHeardWithin(electionTimeoutTicks, raft.nowTick)) return 0n;
    return BigInt(progress.lastHeardTick + electionTimeoutTicks);
  });
  if (quorumLostTick === UNBOUNDED) return heartbeat;
  return Math.min(heartbeat, Number(quorumLostTick) - raft.nowTick);
}

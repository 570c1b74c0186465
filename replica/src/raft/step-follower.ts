import { AssertionError } from "../assert.ts";
import { handlePreVote, handleRequestVote, startElection } from "./election.ts";
import type { Raft } from "./raft.ts";
import { handleReadIndexResponse, rejectReadIndexRequest } from "./read-index.ts";
import { acknowledge, handleAppendEntries, handleHeartbeat } from "./replication.ts";
import { handleInstallSnapshot } from "./snapshot.ts";
import { ignore, type StepTable } from "./step-table.ts";
import { type MemberId, NO_MEMBER } from "./types.ts";

/** Whoever sends appends, heartbeats or snapshots leads this term, and is alive. */
function hearLeader(raft: Raft, from: MemberId): void {
  if (raft.leader === from) {
    raft.electionElapsedTicks = 0;
    return;
  }
  if (raft.leader !== NO_MEMBER) {
    const names = `${raft.leader.toString(16)} and ${from.toString(16)}`;
    throw new AssertionError(`members ${names} both lead term ${raft.term}`);
  }
  raft.setLeader(from);
  // A countdown that a lost connection may have started is over.
  raft.resetElectionTimer();
}

/** What a follower does with messages of its own term. */
export const stepFollower: StepTable = {
  PreVote: handlePreVote,
  PreVoteResponse: ignore,
  RequestVote: handleRequestVote,
  RequestVoteResponse: ignore,
  AppendEntries(raft, message) {
    hearLeader(raft, message.from);
    handleAppendEntries(raft, message);
  },
  AppendEntriesResponse: ignore,
  Heartbeat(raft, message) {
    hearLeader(raft, message.from);
    handleHeartbeat(raft, message);
  },
  HeartbeatResponse: ignore,
  InstallSnapshot(raft, message) {
    hearLeader(raft, message.from);
    acknowledge(raft, message.from, handleInstallSnapshot(raft, message));
  },
  TimeoutNow(raft) {
    if (raft.isPromotable()) startElection(raft, true);
  },
  ReadIndexRequest: rejectReadIndexRequest,
  ReadIndexResponse: handleReadIndexResponse,
};

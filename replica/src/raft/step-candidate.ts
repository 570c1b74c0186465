import { handlePreVote, handleRequestVote, handleVoteResponse } from "./election.ts";
import type { Raft } from "./raft.ts";
import { rejectReadIndexRequest } from "./read-index.ts";
import { stepFollower } from "./step-follower.ts";
import { dispatch, ignore, type StepTable } from "./step-table.ts";
import type { AppendEntries, Heartbeat, InstallSnapshot } from "./types.ts";

/** Someone else leads this term: it is followed (Raft §5.2). */
function followLeader(raft: Raft, message: AppendEntries | Heartbeat | InstallSnapshot): void {
  raft.becomeFollower(raft.term, message.from);
  dispatch(stepFollower, raft, message);
}

/** What a candidate does with messages of its own term, and a pre-candidate with one exception below. */
export const stepCandidate: StepTable = {
  PreVote: handlePreVote,
  PreVoteResponse: ignore,
  RequestVote: handleRequestVote,
  RequestVoteResponse: handleVoteResponse,
  AppendEntries: followLeader,
  AppendEntriesResponse: ignore,
  Heartbeat: followLeader,
  HeartbeatResponse: ignore,
  InstallSnapshot: followLeader,
  TimeoutNow: ignore,
  ReadIndexRequest: rejectReadIndexRequest,
  ReadIndexResponse: ignore,
};

/** A pre-candidate counts answers to its question; late votes of an earlier election are none. */
export const stepPreCandidate: StepTable = {
  ...stepCandidate,
  PreVoteResponse(raft, message) {
    // A granted one carries the term that the election would have, a refused one that of the voter.
    if (message.granted && message.term !== raft.term + 1n) return;
    handleVoteResponse(raft, message);
  },
  RequestVoteResponse: ignore,
  TimeoutNow: stepFollower.TimeoutNow,
};

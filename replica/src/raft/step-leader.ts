import { AssertionError } from "../assert.ts";
import { handlePreVote, handleRequestVote, hasActiveQuorum } from "./election.ts";
import { maybeReleaseLeaver, tickLeavers } from "./membership.ts";
import type { Raft } from "./raft.ts";
import { handleReadIndexRequest, maybeFinishRound } from "./read-index.ts";
import { broadcastHeartbeat, handleAppendEntriesResponse, handleHeartbeatResponse } from "./replication.ts";
import { ignore, type StepTable } from "./step-table.ts";
import { maybeTimeoutNow, tickTransfer } from "./transfer.ts";
import { type Message, NO_MEMBER } from "./types.ts";

/** Election safety (Raft §5.2): nobody else can lead our term. */
function refuseSecondLeader(raft: Raft, message: Message): void {
  throw new AssertionError(
    `member ${message.from.toString(16)} sends ${message.type} as leader of term ${raft.term}, which is ours`,
  );
}

/** What a leader does with messages of its own term. */
export const stepLeader: StepTable = {
  PreVote: handlePreVote,
  PreVoteResponse: ignore,
  RequestVote: handleRequestVote,
  RequestVoteResponse: ignore,
  AppendEntries: refuseSecondLeader,
  AppendEntriesResponse(raft, message) {
    const progress = raft.tracker.find(message.from);
    if (progress === undefined) return;
    progress.lastHeardTick = raft.nowTick;
    handleAppendEntriesResponse(raft, progress, message);
    maybeTimeoutNow(raft, progress);
  },
  Heartbeat: refuseSecondLeader,
  HeartbeatResponse(raft, message) {
    const progress = raft.tracker.find(message.from);
    if (progress === undefined) return;
    progress.lastHeardTick = raft.nowTick;
    handleHeartbeatResponse(raft, progress, message);
    maybeReleaseLeaver(raft, message.from, message.readSequence);
    maybeFinishRound(raft);
  },
  InstallSnapshot: refuseSecondLeader,
  TimeoutNow: ignore,
  ReadIndexRequest: handleReadIndexRequest,
  ReadIndexResponse: ignore,
};

export function tickLeader(raft: Raft): void {
  if (!hasActiveQuorum(raft)) {
    raft.becomeFollower(raft.term, NO_MEMBER);
    return;
  }
  tickTransfer(raft);
  tickLeavers(raft);
  raft.heartbeatElapsedTicks++;
  if (raft.heartbeatElapsedTicks < raft.options.heartbeatTicks) return;
  raft.heartbeatElapsedTicks = 0;
  broadcastHeartbeat(raft);
}

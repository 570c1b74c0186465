import { assert } from "../assert.ts";
import { lower } from "./position.ts";
import { jointPosition } from "./quorum/joint.ts";
import type { Raft } from "./raft.ts";
import { maybeSendSnapshot } from "./snapshot.ts";
import type { Progress } from "./tracker/progress.ts";
import type {
  AppendEntries,
  AppendEntriesResponse,
  Entry,
  Heartbeat,
  HeartbeatResponse,
  MemberId,
} from "./types.ts";

const NO_ENTRIES: readonly Entry[] = [];

/** Leader, when a Ready is taken: sends each follower all that flow control lets through. */
export function sendAppends(raft: Raft): void {
  raft.appendsPending = false;
  for (const progress of raft.tracker.peers) {
    while (maybeSendAppend(raft, progress));
  }
}

/** Sends one AppendEntries if it would carry entries, a new commit index, or a probe that is due. */
function maybeSendAppend(raft: Raft, progress: Progress): boolean {
  if (progress.isPaused()) return false;
  const { log } = raft;
  const commit = log.committed;
  const hasEntries = progress.next <= log.lastIndex;
  if (!hasEntries && !progress.wantsAppend && !progress.canRaiseCommit(commit)) return false;
  const previousIndex = progress.next - 1n;
  const previousTerm = log.term(previousIndex);
  // With a full window only an empty append goes out, after a heartbeat was answered: if all that is under
  // way was lost, its refusal shows it.
  const windowIsFull = progress.state === "replicate" && progress.inflights.isFull();
  const entries =
    hasEntries && !windowIsFull
      ? log.slice(progress.next, log.lastIndex + 1n, raft.options.appendMaxBytes)
      : NO_ENTRIES;
  if (previousTerm === undefined || entries === undefined) return maybeSendSnapshot(raft, progress);
  const { id: from, term } = raft;
  const to = progress.id;
  raft.send({ type: "AppendEntries", from, to, term, previousIndex, previousTerm, entries, commit });
  progress.sent(previousIndex + BigInt(entries.length), dataBytes(entries), commit);
  return entries.length > 0;
}

function dataBytes(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const entry of entries) bytes += entry.data.length;
  return bytes;
}

/** Leader: a heartbeat tells only what the follower is known to have, so it never runs ahead of its log. */
export function sendHeartbeat(raft: Raft, progress: Progress, readSequence: bigint): void {
  const { id: from, term } = raft;
  const commit = lower(progress.match, raft.log.committed);
  raft.send({ type: "Heartbeat", from, to: progress.id, term, commit, readSequence });
}

/** Leader: on the heartbeat tick; the round that is under way is sent again, in case it was lost. */
export function broadcastHeartbeat(raft: Raft): void {
  const sequence = raft.reads.round?.sequence ?? 0n;
  for (const progress of raft.tracker.peers) {
    const leaver = raft.tracker.leavers.get(progress.id);
    sendHeartbeat(raft, progress, leaver?.confirmSequence ?? sequence);
  }
}

export function handleHeartbeatResponse(raft: Raft, progress: Progress, message: HeartbeatResponse): void {
  if (message.readSequence > progress.readSequence) progress.readSequence = message.readSequence;
  progress.paused = false;
  if (progress.match < raft.log.lastIndex || progress.state === "probe") {
    // Either what is under way arrives, or this finds out that it was lost.
    progress.wantsAppend = true;
    raft.appendsPending = true;
  }
}

export function handleAppendEntriesResponse(
  raft: Raft,
  progress: Progress,
  message: AppendEntriesResponse,
): void {
  if (message.rejected) handleRejection(raft, progress, message);
  else handleAcceptance(raft, progress, message.index);
}

function handleRejection(raft: Raft, progress: Progress, message: AppendEntriesResponse): void {
  // Fast back-up: the follower says where its log may agree at the latest; where our term there is later
  // than its own, nothing down to the end of that term can agree either (Raft §5.3).
  const { hintIndex, hintTerm } = message;
  const agreement = hintTerm > 0n ? raft.log.lastNotAfter(hintIndex, hintTerm).index : hintIndex;
  if (!progress.maybeDecreaseTo(message.index, agreement)) return;
  progress.wantsAppend = true;
  raft.appendsPending = true;
}

function handleAcceptance(raft: Raft, progress: Progress, index: bigint): void {
  assert(index <= raft.log.lastIndex, "a follower acknowledged entries that were never sent");
  const isNews = progress.maybeUpdate(index);
  if (!isNews && !(index === progress.match && progress.state === "probe")) return;
  if (progress.state === "replicate") {
    progress.inflights.freeTo(index);
    progress.paused = progress.inflights.isFull();
  } else if (progress.state === "probe" || progress.match + 1n >= raft.log.firstIndex) {
    // After a snapshot of whatever index: the log goes on from where the follower is.
    progress.becomeReplicate();
  }
  raft.appendsPending = true;
  maybeCommit(raft);
}

/**
 * Leader: commits what a quorum has on disk, and only if it is of its own term; what is older is committed
 * with it (Raft §5.4.2, figure 8).
 */
export function maybeCommit(raft: Raft): boolean {
  const { tracker } = raft;
  const matchOf = (id: MemberId): bigint => tracker.member(id)?.match ?? 0n;
  const position = jointPosition(raft.configuration, matchOf);
  return position >= raft.termStartIndex && raft.commitTo(position);
}

/** Follower: the heart of Raft (figure 2, AppendEntries RPC). */
export function handleAppendEntries(raft: Raft, message: AppendEntries): void {
  const { log } = raft;
  const { previousIndex, previousTerm, entries, commit } = message;
  if (previousIndex < log.committed) {
    // What is committed agrees with any leader.
    acknowledge(raft, message.from, log.committed);
    return;
  }
  if (!log.matches(previousIndex, previousTerm)) {
    refuse(raft, message);
    return;
  }
  const from = log.firstNew(entries);
  if (from !== undefined) raft.replaceEntries(entries, from);
  const lastNew = previousIndex + BigInt(entries.length);
  raft.commitTo(lower(commit, lastNew));
  acknowledge(raft, message.from, lastNew);
}

/**
 * Leaves only when the log as it is now is durable. It carries the term in which it was said: if the entries
 * are replaced while they are being written, that was by the leader of a later term, for whom this
 * acknowledgement does not count.
 */
export function acknowledge(raft: Raft, to: MemberId, index: bigint): void {
  const { id: from, term } = raft;
  const message = { type: "AppendEntriesResponse", from, to, term, index } as const;
  raft.sendAfterAppend({ ...message, rejected: false, hintIndex: 0n, hintTerm: 0n });
}

/** Promises nothing, so it leaves at once. */
function refuse(raft: Raft, message: AppendEntries): void {
  const { id: from, term } = raft;
  const { from: to, previousIndex, previousTerm } = message;
  const hint = raft.log.lastNotAfter(previousIndex, previousTerm);
  raft.send({
    type: "AppendEntriesResponse",
    from,
    to,
    term,
    index: previousIndex,
    rejected: true,
    hintIndex: hint.index,
    hintTerm: hint.term,
  });
}

/** Follower: the leader is alive. */
export function handleHeartbeat(raft: Raft, message: Heartbeat): void {
  raft.commitTo(message.commit);
  const { id: from, term } = raft;
  const { from: to, readSequence } = message;
  raft.send({ type: "HeartbeatResponse", from, to, term, readSequence });
}

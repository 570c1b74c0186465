import type { Raft } from "./raft.ts";
import type { Progress } from "./tracker/progress.ts";
import type { InstallSnapshot } from "./types.ts";

/**
 * Leader: the entries that a follower needs next are compacted, so it is offered the snapshot, if there is
 * one that the log goes on from. Returns whether it was; otherwise it is tried again when the follower
 * answers a heartbeat.
 */
export function maybeSendSnapshot(raft: Raft, progress: Progress): boolean {
  if (progress.state === "replicate") progress.becomeProbe();
  progress.paused = true;
  // A member that left is not worth a snapshot: it is told from the tombstones that it is removed.
  if (raft.tracker.member(progress.id) === undefined || !raft.isActive(progress.id)) return false;
  const snapshot = raft.log.snapshot();
  // One that ends before the log begins would have to be followed by another, for ever (A15).
  if (snapshot === undefined || snapshot.index < raft.log.firstIndex - 1n) return false;
  if (snapshot.index <= progress.match) return false;
  progress.becomeSnapshot(snapshot.index);
  const { id: from, term } = raft;
  raft.send({ type: "InstallSnapshot", from, to: progress.id, term, snapshot });
  return true;
}

/** Leader: the snapshot was delivered, or failed to be. */
export function snapshotSent(progress: Progress, ok: boolean): void {
  if (progress.state !== "snapshot") return;
  if (!ok) progress.pendingSnapshotIndex = 0n;
  progress.becomeProbe();
  // Delivered: its acknowledgement is on the way. Failed: not again before it answers a heartbeat.
  progress.paused = true;
  progress.wantsAppend = true;
}

/** Follower: returns the index up to which its log is now that of the leader, to be acknowledged. */
export function handleInstallSnapshot(raft: Raft, message: InstallSnapshot): bigint {
  const { snapshot } = message;
  const { log } = raft;
  if (snapshot.index <= log.committed) return log.committed;
  if (log.matches(snapshot.index, snapshot.term)) {
    // All of it is in the log already: what follows it stays, and may have been acknowledged.
    raft.commitTo(snapshot.index);
    return snapshot.index;
  }
  raft.restore(snapshot);
  return snapshot.index;
}

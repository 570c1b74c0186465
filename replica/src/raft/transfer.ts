import type { Raft } from "./raft.ts";
import type { Progress } from "./tracker/progress.ts";
import { type MemberId, NO_MEMBER } from "./types.ts";

export type TransferRefusal =
  | { readonly reason: "not-leader"; readonly leader: MemberId }
  /** The target has no vote in the configuration in force, or will have none. */
  | { readonly reason: "not-a-voter" }
  /** The target leads already. */
  | { readonly reason: "already-leader" }
  /** Another transfer is under way. */
  | { readonly reason: "transferring"; readonly target: MemberId };

export type TransferResult = { readonly ok: true } | ({ readonly ok: false } & TransferRefusal);

/**
 * Leader: from now on no proposals; when the target has the whole log it is told to campaign at once
 * (dissertation §3.10). Given up after an election timeout.
 */
export function transferLeadership(raft: Raft, target: MemberId): TransferResult {
  if (raft.role !== "leader") return { ok: false, reason: "not-leader", leader: raft.leader };
  if (target === raft.id) return { ok: false, reason: "already-leader" };
  const progress = raft.tracker.member(target);
  if (progress === undefined || !raft.configuration.voters.includes(target)) {
    return { ok: false, reason: "not-a-voter" };
  }
  if (raft.transfer !== undefined) {
    const current = raft.transfer.target;
    return current === target ? { ok: true } : { ok: false, reason: "transferring", target: current };
  }
  raft.transfer = { target, elapsedTicks: 0 };
  if (!maybeTimeoutNow(raft, progress)) {
    progress.wantsAppend = true;
    raft.appendsPending = true;
  }
  return { ok: true };
}

/** Leader: tells the target to campaign if it has the whole log. */
export function maybeTimeoutNow(raft: Raft, progress: Progress): boolean {
  if (raft.transfer?.target !== progress.id || progress.match !== raft.log.lastIndex) return false;
  sendTimeoutNow(raft, progress.id);
  return true;
}

export function sendTimeoutNow(raft: Raft, to: MemberId): void {
  const { id: from, term } = raft;
  raft.send({ type: "TimeoutNow", from, to, term });
}

/** Leader: takes proposals again. The target may still win if it was told already. */
export function abortTransfer(raft: Raft): void {
  raft.transfer = undefined;
}

export function tickTransfer(raft: Raft): void {
  if (raft.transfer === undefined) return;
  raft.transfer.elapsedTicks++;
  if (raft.transfer.elapsedTicks >= raft.options.electionTimeoutTicks) abortTransfer(raft);
}

/** The voter whose log is known to reach farthest: it can win at once. */
export function bestSuccessor(raft: Raft): MemberId {
  let best: Progress | undefined;
  for (const id of raft.configuration.voters) {
    const progress = raft.tracker.member(id);
    if (id === raft.id || progress === undefined || !raft.isActive(id)) continue;
    if (best === undefined || progress.match > best.match) best = progress;
  }
  return best?.id ?? NO_MEMBER;
}

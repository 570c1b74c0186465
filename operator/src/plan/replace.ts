import type { Reason } from "../api/v1alpha1/reasons.ts";
import { millisecondsFromTimestamp } from "../api/v1alpha1/timestamp.ts";
import type { MemberId } from "../api/v1alpha1/types.ts";
import { explainStuck } from "./explain-stuck.ts";
import {
  describeMembers,
  describeSlot,
  type Goal,
  isLostForGood,
  isReadyLearner,
  moveLeadership,
  newcomerAt,
  proposeVoters,
  wantedSlots,
} from "./membership.ts";
import type { ConfiguredMember, Slot } from "./observation.ts";
import { type Finding, mergeOutcomes, type Outcome } from "./outcome.ts";
import { canLose, hasMajorityOfSize } from "./quorum-guard.ts";
import { START_GRACE_SECONDS } from "./rolling-change.ts";
import { describeWaiting } from "./slots.ts";
import type { Step } from "./step.ts";
import {
  isDiskGoing,
  isNodeThere,
  isStaleDisk,
  membersAt,
  reportedId,
  silentSince,
  type View,
} from "./view.ts";

/** Replaces members whose disk is blank, lost, damaged or an old copy, and those whose node is lost. */
export function planReplace(goal: Goal): Outcome {
  return mergeOutcomes([
    swapVoters(goal),
    ...wantedSlots(goal).map((slot) => replaceAt(goal, slot)),
    removeUnslotted(goal),
  ]);
}

/** Old → new in the same slots, in one joint change, for all newcomers that have caught up. */
function swapVoters(goal: Goal): Outcome {
  const { view } = goal;
  const lost = wantedSlots(goal).flatMap((slot) => {
    const voter = view.voterAt(slot);
    const newcomer = newcomerAt(goal, slot);
    return voter !== undefined && newcomer !== undefined ? [{ voter, newcomer }] : [];
  });
  if (lost.length === 0) return {};
  const old = lost.map(({ voter }) => voter.id);
  const message = `the disks of ${describeMembers(view, old)} are gone`;
  if (view.input.spec.replacementMode === "Manual") return { findings: [manual(message)] };
  const swaps = lost.filter(({ voter, newcomer }) => !voter.active && isReadyLearner(view, newcomer));
  const replaced = new Map(swaps.map(({ voter, newcomer }) => [voter.id, newcomer]));
  const reason = `replaces ${swaps.map(({ voter, newcomer }) => `${voter.id} by ${newcomer} (${describeSlot(view.slotOf(newcomer))})`).join(", ")}`;
  const target = view.voters.map(({ id }) => replaced.get(id) ?? id);
  const proposal = swaps.length > 0 ? proposeVoters(view, target, reason) : undefined;
  const finding: Finding = {
    level: "trouble",
    reason: "Replacing",
    message: proposal === undefined ? `${message}; new members catch up` : reason,
  };
  return { proposal, findings: [finding] };
}

function replaceAt(goal: Goal, index: number): Outcome {
  const { view } = goal;
  const slot = view.slot(index);
  if (slot === undefined) return {};
  if (slot.report.kind === "damaged" || isStaleDisk(view, slot)) return replaceUnusable(goal, slot);
  const voter = view.voterAt(index);
  const isVoters = voter !== undefined && reportedId(slot) === voter.id;
  if (isDiskGoing(slot) && isVoters) return restartOnNothing(view, slot, voter);
  if (slot.report.kind === "silent") return replaceSilent(goal, slot);
  return {};
}

/**
 * The disk is there, but nobody may use it again. Its claim can be attached and may not be deleted while its
 * member is configured: so the member leaves first (that makes no quorum harder to reach, it does not count
 * as alive), and comes back as a newcomer.
 */
function replaceUnusable(goal: Goal, slot: Slot): Outcome {
  const { view } = goal;
  const detail = slot.report.kind === "damaged" ? slot.report.detail : "it is an old copy";
  const message = `the disk in slot ${slot.index} can't be used: ${detail}`;
  if (view.input.spec.replacementMode === "Manual") return { findings: [manual(message)] };
  const voter = view.voterAt(slot.index);
  if (voter === undefined) return deleteUnusableClaim(view, slot, message);
  const reason = `${message}; takes the vote from ${voter.id}, and adds a new member in its place`;
  const target = view.voters.map(({ id }) => id).filter((id) => id !== voter.id);
  return proposeOrExplain(voter.active ? undefined : proposeVoters(view, target, reason), reason);
}

/**
 * A stale replica still answers, learns that it is removed, and is reset; a damaged one can't be asked. Its process
 * holds a claim that somebody deleted already.
 */
function deleteUnusableClaim(view: View, slot: Slot, message: string): Outcome {
  const { claim, replica } = slot;
  if (slot.report.kind !== "damaged" || claim === undefined) return {};
  if (membersAt(view, slot.index).length > 0 || view.unslotted.length > 0) return {};
  const reason = `${message}, and its member is no longer in the configuration`;
  const findings: readonly Finding[] = [{ level: "trouble", reason: "Replacing", message: reason }];
  if (!claim.deleting) return { proposal: proposeClaimDeletion(slot, claim.uid, reason), findings };
  if (replica === undefined || replica.deleting) return { findings };
  const latch = { kind: "Restart", reason, slot: slot.index, uid: replica.uid } as const;
  return { proposal: { latch, steps: [restartOfReplaced(slot, replica.uid, reason)] }, findings };
}

/** What it still serves is lost with its next stop: better one that leaves the others a majority. */
function restartOnNothing(view: View, slot: Slot, voter: ConfiguredMember): Outcome {
  const { replica } = slot;
  if (replica === undefined || replica.deleting) return {};
  const reason = `the volume of slot ${slot.index} was deleted under its process: restarts it on a new one`;
  if (view.input.spec.replacementMode === "Manual") return { findings: [manual(reason)] };
  const voters = view.voters.map(({ id }) => id);
  if (!canSpare(view, voter.id)) return proposeOrExplain(undefined, reason);
  if (view.configuration?.leader === voter.id) {
    return proposeOrExplain(moveLeadership(view, voters, `the leader's volume is gone: ${reason}`), reason);
  }
  const step: Step = { kind: "restartSlot", slot: slot.index, replicaUid: replica.uid, how: "evict", reason };
  const latch = { kind: "Restart", reason, slot: slot.index, uid: replica.uid } as const;
  return proposeOrExplain({ latch, steps: [step] }, reason);
}

/** Do the others decide without it, and would its eviction be allowed, which counts those that are ready? */
function canSpare(view: View, id: MemberId): boolean {
  const voters = view.voters.map((voter) => voter.id);
  const isReady = (one: MemberId): boolean => view.slot(view.slotOf(one) ?? -1)?.replica?.ready === true;
  return canLose(voters, isReady(id) ? new Set([...view.live].filter(isReady)) : view.live, id);
}

/**
 * Nobody reaches the replica. Its claim is deleted only past the deadline, if the volume can't come back
 * elsewhere, and if a caught-up majority is alive without it. A learner's is deleted when it has left.
 */
function replaceSilent(goal: Goal, slot: Slot): Outcome {
  const { view } = goal;
  const { claim } = slot;
  const { spec, now } = view.input;
  const since = silentSince(view, slot) ?? now;
  const wakeAt = since + spec.replaceAfterSeconds * 1_000;
  const voter = view.voterAt(slot.index);
  if (claim === undefined || !isLostForGood(view, slot.index)) {
    const finding = voter === undefined || view.live.has(voter.id) ? [] : [explainSilence(view, slot)];
    return { findings: finding, ...(wakeAt > now ? { wakeAt } : {}) };
  }
  const owner = voter === undefined ? "" : ` of ${voter.id}`;
  const message = `the disk${owner} in slot ${slot.index} is out of reach past the deadline and can't come back`;
  if (spec.replacementMode === "Manual") return { findings: [manual(message)] };
  if (voter?.active === true) {
    const message = `the operator can't reach slot ${slot.index}, but the leader hears of its member`;
    return { findings: [{ level: "trouble", reason: "MemberUnreachable", message }] };
  }
  // A learner leaves first.
  if (membersAt(view, slot.index).some(({ kind }) => kind === "learner")) return {};
  if (!mayDeleteSilentClaim(view, slot, voter)) return proposeOrExplain(undefined, message);
  const reason = `${message}: makes a new one`;
  return proposeOrExplain(proposeClaimDeletion(slot, claim.uid, reason), reason);
}

function mayDeleteSilentClaim(view: View, slot: Slot, voter: ConfiguredMember | undefined): boolean {
  const others = membersAt(view, slot.index).filter(({ id }) => id !== voter?.id);
  if (others.length > 0 || view.unslotted.length > 0) return false;
  if (voter === undefined) return true;
  const voters = view.voters.map(({ id }) => id);
  return canLose(voters, view.live, voter.id);
}

/** Latch, claim, process: the platform makes both anew. */
function proposeClaimDeletion(slot: Slot, uid: string, reason: string) {
  const { replica } = slot;
  const steps: Step[] = [{ kind: "deleteClaim", slot: slot.index, uid, reason }];
  if (replica !== undefined) steps.push(restartOfReplaced(slot, replica.uid, reason));
  return { latch: { kind: "DeleteClaim", reason, slot: slot.index, uid } as const, steps };
}

/** Without waiting for the node when that is lost: the claim is being replaced, so nobody comes back to it. */
export function restartOfReplaced(slot: Slot, replicaUid: string, reason: string): Step {
  const how = isNodeThere(slot) || slot.replica?.waiting === "Unschedulable" ? "delete" : "force";
  return { kind: "restartSlot", slot: slot.index, replicaUid, how, reason };
}

/** Voters without a slot can't come back: nothing keeps a process for them. */
function removeUnslotted(goal: Goal): Outcome {
  const { view } = goal;
  const gone: MemberId[] = view.unslotted.filter((voter) => isGone(view, voter)).map(({ id }) => id);
  if (gone.length === 0) return {};
  const target = view.voters.map(({ id }) => id).filter((id) => !gone.includes(id));
  const reason = `takes the vote from members that no slot holds: ${gone.join(", ")}`;
  if (view.input.spec.replacementMode === "Manual") return { findings: [manual(reason)] };
  const isSafe = hasMajorityOfSize(target, view.live, goal.wanted);
  return proposeOrExplain(isSafe ? proposeVoters(view, target, reason) : undefined, reason);
}

function isGone(view: View, voter: ConfiguredMember): boolean {
  const { status, now, spec } = view.input;
  const remembered = status.members?.find(({ id }) => id === voter.id);
  if (voter.active || remembered === undefined || remembered.health === "Healthy") return false;
  const since = millisecondsFromTimestamp(remembered.since) ?? now;
  return now - since >= spec.replaceAfterSeconds * 1_000;
}

function proposeOrExplain(proposal: Outcome["proposal"], reason: string): Outcome {
  const finding: Finding =
    proposal === undefined
      ? {
          level: "trouble",
          reason: "QuorumAtRisk",
          message: `${reason}; not now: too few other members are alive and caught up`,
        }
      : { level: "trouble", reason: "Replacing", message: reason };
  return { proposal, findings: [finding] };
}

function manual(what: string): Finding {
  return {
    level: "trouble",
    reason: "ReplacementManual",
    message: `${what}; spec.replacement.mode is Manual, so nothing is done about it`,
  };
}

/** Being made, being ended to be made anew, or recovering its disk: that it does not answer yet is no sign of a loss. */
function isStarting({ input }: View, slot: Slot): boolean {
  const { node, replica, report } = slot;
  if (!isNodeThere(slot)) return false;
  if (replica === undefined || replica.deleting || replica.waiting === "Starting") return true;
  if (replica.waiting !== undefined || replica.ready || node.state === "unknown") return false;
  const sinceMs = report.kind === "silent" ? input.now - report.since : 0;
  return sinceMs < START_GRACE_SECONDS * 1_000;
}

function explainSilence(view: View, slot: Slot): Finding {
  const { node, replica, claim } = slot;
  const where = `slot ${slot.index}`;
  const finding = (reason: Reason, message: string): Finding => ({ level: "trouble", reason, message });
  const stuck = explainStuck(view, slot, view.voterAt(slot.index)?.name);
  if (stuck !== undefined) return stuck;
  if (isStarting(view, slot)) {
    return { level: "progress", reason: "MemberStarting", message: `the process of ${where} is starting` };
  }
  if (replica?.waiting !== undefined && replica.waiting !== "Starting") {
    return finding(`Pod${replica.waiting}`, `the process of ${where} does not run: ${describeWaiting(slot)}`);
  }
  if (node.state === "unknown") {
    return finding(
      "NodesUnreadable",
      `${where} is not answering, and the operator may not read nodes: it can't replace members of lost nodes`,
    );
  }
  if (node.state === "unreachable" && claim?.attachableElsewhere === true) {
    const message = `the node of ${where} is out of reach; its volume can move once the node is deleted or tainted node.kubernetes.io/out-of-service`;
    return finding("NodeUnreachable", message);
  }
  if (node.state !== "ok") return finding("NodeLost", `the node of ${where} is ${node.state}`);
  const seconds = view.input.spec.replaceAfterSeconds;
  return finding("MemberUnreachable", `${where} is not answering; replaced after ${seconds} s if it is lost`);
}

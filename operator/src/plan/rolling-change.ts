import { type Goal, moveLeadership, wantedSlots } from "./membership.ts";
import type { PlanInput, Replica, Slot } from "./observation.ts";
import type { Finding, Outcome } from "./outcome.ts";
import { canLose } from "./quorum-guard.ts";
import { describeSlots } from "./slots.ts";
import type { Step } from "./step.ts";
import {
  isDiskGoing,
  isNodeThere,
  membersAt,
  orderedSlots,
  recordedVoters,
  reportedId,
  type View,
} from "./view.ts";

/** A process that is neither ready nor answers may take so long to start before it counts as not serving. */
export const START_GRACE_SECONDS = 60;

/** Several that crashed at once may be coming back by themselves, and are not to be tried with another template all. */
const HELD_GRACE_SECONDS = 10;

/**
 * Restarts what serves nothing and was made from another template than the wanted one. That takes nobody away,
 * so it needs no quorum and no order: it is the way out when every process is down from a bad template.
 */
export function planIdleRestarts(view: View): Outcome {
  const steps: Step[] = [];
  for (const slot of orderedSlots(view)) {
    const { replica } = slot;
    if (replica === undefined || !isDue(view.input, replica) || !servesNothing(view, slot)) continue;
    if (isLastOfMajority(view, slot)) continue;
    const reason = "it serves nothing, and was made from another template";
    steps.push({ kind: "restartSlot", slot: slot.index, replicaUid: replica.uid, how: "evict", reason });
  }
  if (steps.length === 0) return {};
  const message = "restarts processes that serve nothing with the new template";
  return {
    steps: [...maybeSetTemplate(view, "processes that do not serve get it first"), ...steps],
    findings: [{ level: "progress", reason: "Rolling", message }],
  };
}

/** The disk of a voter that goes with its process, and as far as is known the others are no majority without it. */
function isLastOfMajority(view: View, slot: Slot): boolean {
  if (slot.claim?.deleting !== true) return false;
  const voter = [...view.voters, ...recordedVoters(view)].find(({ id }) => view.slotOf(id) === slot.index);
  const voters = view.voters.map(({ id }) => id);
  return voter !== undefined && !canLose(voters, view.live, voter.id);
}

/** Its process does not run, or its disk is no member's, or nobody hears of it; and its node is not the cause. */
function servesNothing(view: View, slot: Slot): boolean {
  const { replica, report } = slot;
  if (replica === undefined || replica.deleting || replica.ready || !isNodeThere(slot)) return false;
  if (membersAt(view, slot.index).some(({ active, kind }) => active && kind !== "learner")) return false;
  // Who answers as a member holds a vote, also when it serves nobody at the moment.
  if (report.kind !== "silent") return report.kind !== "member";
  const isHeld = replica.waiting !== undefined && replica.waiting !== "Starting";
  const graceSeconds = isHeld ? HELD_GRACE_SECONDS : START_GRACE_SECONDS;
  return view.input.now - report.since >= graceSeconds * 1_000;
}

export function maybeSetTemplate(view: View, reason: string): Step[] {
  const { wanted, current } = view.input.template;
  return wanted === current ? [] : [{ kind: "setTemplate", hash: wanted, reason }];
}

/**
 * One process at a time: followers first, the leader last after handing over. Begins and goes on only at full
 * strength, so it stops at the first that does not come back.
 */
export function planRollingChange(goal: Goal): Outcome {
  const { view } = goal;
  const { template } = view.input;
  const due = wantedSlots(goal).filter((index) => isSlotDue(view, index));
  if (due.length === 0 && template.wanted === template.current) return {};
  const weak = weakSlots(goal);
  const mending = weak.length > 0 ? proposeMending(goal, weak) : undefined;
  if (mending !== undefined) {
    const message = `replaces the processes of weak members first, one at a time: ${describeSlots(view, weak)}`;
    return {
      steps: maybeSetTemplate(view, "members that are not ready or lag behind get it first"),
      proposal: mending,
      findings: [{ level: "progress", reason: "Rolling", message }],
    };
  }
  if (weak.length > 0) {
    const message = `rolls on when every member is ready and has caught up; waits for ${describeSlots(view, weak)}`;
    return { findings: [{ level: "progress", reason: "RollingWaits", message }] };
  }
  const steps = maybeSetTemplate(view, "a rolling change begins");
  const finding: Finding = {
    level: "progress",
    reason: "Rolling",
    message: `replaces processes one at a time; still to do: slots ${due.join(", ") || "none"}`,
  };
  return { steps, proposal: proposeNext(goal, due), findings: [finding] };
}

function isSlotDue(view: View, index: number): boolean {
  const replica = view.slot(index)?.replica;
  return replica !== undefined && isDue(view.input, replica);
}

export function isDue({ template }: PlanInput, { templateHash }: Replica): boolean {
  return templateHash !== template.wanted;
}

/**
 * Wanted slots of newcomers, and those without a voter that is alive, caught up, ready and reports itself. One whose
 * disk would go with its process is for a replacement to restart, if anybody may.
 */
function weakSlots(goal: Goal): readonly number[] {
  const { view } = goal;
  const moving = [...view.learners, ...view.unslotted].map(({ id }) => view.slotOf(id));
  return wantedSlots(goal).filter((index) => {
    const voter = view.voterAt(index);
    const slot = view.slot(index);
    return (
      moving.includes(index) ||
      voter === undefined ||
      !view.live.has(voter.id) ||
      slot?.replica?.ready !== true ||
      isDiskGoing(slot) ||
      reportedId(slot) !== voter.id
    );
  });
}

/**
 * A template with which members answer, but do not get ready or do not keep up, holds the roll up by itself: so a
 * weak member of another template than the wanted one is what is rolled first. One that was made from the wanted
 * one already and is weak still stops everything.
 */
function proposeMending(goal: Goal, weak: readonly number[]): Outcome["proposal"] {
  const { view } = goal;
  if (view.learners.length > 0 || view.unslotted.length > 0) return undefined;
  // One whose disk would go waits for these to be ready, and is left as it is.
  const due = weak.filter((index) => {
    const slot = view.slot(index);
    return slot === undefined || !isDiskGoing(slot);
  });
  if (!due.every((index) => isMendable(view, index))) return undefined;
  const isLive = (index: number): boolean => view.live.has(view.voterAt(index)!.id);
  return proposeNext(goal, [...due.filter((index) => !isLive(index)), ...due.filter(isLive)]);
}

/** It answers as the voter of its slot, on a node that lets it end. */
function isMendable(view: View, index: number): boolean {
  const slot = view.slot(index);
  const voter = view.voterAt(index);
  if (slot?.replica === undefined || slot.replica.deleting || !isDue(view.input, slot.replica)) return false;
  return isNodeThere(slot) && voter !== undefined && reportedId(slot) === voter.id;
}

function proposeNext(goal: Goal, due: readonly number[]): Outcome["proposal"] {
  const { view } = goal;
  const leader = view.configuration?.leader;
  if (leader === undefined) return undefined;
  const followers = due.filter((slot) => view.voterAt(slot)?.id !== leader);
  const index = followers[0] ?? due[0];
  if (index === undefined) return undefined;
  const voters = view.voters.map(({ id }) => id);
  const voter = view.voterAt(index)!;
  const replica = view.slot(index)!.replica!;
  if (voter.id === leader && voters.length > 1) {
    const isDone = (slot: number | undefined): boolean => slot !== undefined && !due.includes(slot);
    return moveLeadership(view, voters, "the leader's process is to be replaced", isDone);
  }
  // Whoever runs one or two members asked for this interruption by the edit; no budget could allow it.
  const isSmall = voters.length <= 2;
  if (!isSmall && !canLose(voters, view.live, voter.id)) return undefined;
  const reason = `slot ${index} was made from another template`;
  const how = isSmall ? "delete" : "evict";
  return {
    latch: { kind: "Restart", reason, slot: index, uid: replica.uid },
    steps: [{ kind: "restartSlot", slot: index, replicaUid: replica.uid, how, reason }],
  };
}

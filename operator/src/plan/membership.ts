import type { MemberId } from "../api/v1alpha1/types.ts";
import type { ConfiguredMember } from "./observation.ts";
import type { Finding, Outcome, Proposal } from "./outcome.ts";
import { canChange } from "./quorum-guard.ts";
import type { ChangeMembership, Step } from "./step.ts";
import { isConfigured, isStaleDisk, removalOf, reportedId, silentSince, type View } from "./view.ts";

/** What the planners after the growth see: `wanted` slots, counted from 0, shall have one voter each. */
export interface Goal {
  readonly view: View;
  readonly wanted: number;
}

export function wantedSlots(goal: Goal): readonly number[] {
  return Array.from({ length: goal.wanted }, (_, slot) => slot);
}

/** Wanted slots in which no voter has its disk. */
export function slotsWithoutVoter(goal: Goal): readonly number[] {
  return wantedSlots(goal).filter((slot) => goal.view.voterAt(slot) === undefined);
}

/** A disk in the slot that belongs to no member and may become one. */
export function newcomerAt({ view }: Goal, slot: number): MemberId | undefined {
  const observed = view.slot(slot);
  const id = reportedId(observed);
  if (observed === undefined || id === undefined || view.voterAt(slot)?.id === id) return undefined;
  if (view.learners.some((learner) => learner.id === id)) return id;
  const isNew = observed.report.kind === "blank" && !isConfigured(view, id);
  return isNew && removalOf(view, id) === undefined ? id : undefined;
}

export function isReadyLearner(view: View, id: MemberId | undefined): id is MemberId {
  return id !== undefined && view.live.has(id) && view.learners.some((learner) => learner.id === id);
}

/** Brings the learners of the configuration to what the slots hold. Quorums stay as they are. */
export function planLearners(goal: Goal): Outcome {
  const { view } = goal;
  const kept = view.learners.filter((learner) => isLearnerKept(goal, learner)).map(({ id }) => id);
  const added = wantedSlots(goal)
    .filter((slot) => isNewcomerWelcome(goal, slot))
    .map((slot) => newcomerAt(goal, slot))
    .filter((id) => id !== undefined && !kept.includes(id)) as MemberId[];
  const isSame = added.length === 0 && kept.length === view.learners.length;
  if (isSame) return {};
  const dropped = view.learners.filter(({ id }) => !kept.includes(id)).map(({ id }) => id);
  const parts = [
    added.length > 0 ? `adds as learners: ${describeMembers(view, added)}` : "",
    dropped.length > 0 ? `drops learners that are not wanted or lost: ${describeMembers(view, dropped)}` : "",
  ];
  const voters = view.voters.map(({ id }) => id);
  const reason = parts.filter((part) => part !== "").join("; ");
  const finding: Finding = { level: "progress", reason: "ChangingMembers", message: reason };
  return { steps: [changeMembership(view, voters, [...kept, ...added], reason)], findings: [finding] };
}

/** A voter whose disk is lost is replaced only if that is automatic. */
function isNewcomerWelcome({ view }: Goal, slot: number): boolean {
  return view.voterAt(slot) === undefined || view.input.spec.replacementMode === "Automatic";
}

function isLearnerKept(goal: Goal, learner: ConfiguredMember): boolean {
  const { view } = goal;
  const slot = view.slotOf(learner.id);
  if (slot === undefined || slot >= goal.wanted || !isNewcomerWelcome(goal, slot)) return false;
  const observed = view.slot(slot);
  if (observed === undefined) return learner.active;
  if (observed.report.kind === "damaged" || isStaleDisk(view, observed)) return false;
  const id = reportedId(observed);
  if (id !== undefined) return id === learner.id;
  return !isLostForGood(view, slot);
}

/**
 * The disk of a silent slot won't be heard of again: its volume is lost, or it hangs on a node that is gone or
 * out of reach past the deadline. `false` for everything that the platform may still bring back.
 */
export function isLostForGood(view: View, index: number): boolean {
  const slot = view.slot(index);
  if (slot?.claim === undefined || slot.claim.deleting) return false;
  const since = silentSince(view, slot);
  const { now, spec } = view.input;
  const deadlineMs = spec.replaceAfterSeconds * 1_000;
  if (since === undefined || now - since < deadlineMs) return false;
  if (slot.claim.lost) return true;
  if (slot.claim.attachableElsewhere) return false;
  const { node } = slot;
  if (node.state === "unreachable") return now - node.since >= deadlineMs;
  return node.state === "gone" || node.state === "out-of-service";
}

/** Names the whole target, learners included; the configuration must be there. */
export function changeMembership(
  view: View,
  voters: readonly MemberId[],
  learners: readonly MemberId[],
  reason: string,
): ChangeMembership & { readonly reason: string } {
  const target = [
    ...voters.map((id) => ({ id, kind: "voter", slot: view.slotOf(id) }) as const),
    ...learners.map((id) => ({ id, kind: "learner", slot: view.slotOf(id) }) as const),
  ];
  return { kind: "changeMembership", expectedIndex: view.configuration!.index, target, reason };
}

/**
 * One joint change to these voters: learners that become voters and voters that leave. The leader is moved off
 * first if it leaves. undefined when too few of either half are alive.
 */
export function proposeVoters(view: View, voters: readonly MemberId[], reason: string): Proposal | undefined {
  const current = view.voters.map(({ id }) => id);
  if (!canChange(current, voters, view.live)) return undefined;
  const leader = view.configuration?.leader;
  if (leader !== undefined && current.includes(leader) && !voters.includes(leader)) {
    return moveLeadership(
      view,
      voters.filter((id) => current.includes(id)),
      `the leader leaves: ${reason}`,
    );
  }
  const learners = view.learners.map(({ id }) => id).filter((id) => !voters.includes(id));
  const step: Step = changeMembership(view, voters, learners, reason);
  return { latch: { kind: "ChangeMembership", reason, voters }, steps: [step] };
}

/** Hands over to the one of these voters that is alive and sits in the lowest slot, those with `preferred` first. */
export function moveLeadership(
  view: View,
  candidates: readonly MemberId[],
  reason: string,
  preferred: (slot: number | undefined) => boolean = () => true,
): Proposal | undefined {
  const rank = (id: MemberId): number => (preferred(view.slotOf(id)) ? 0 : 100) + (view.slotOf(id) ?? 99);
  const to = candidates
    .filter((id) => view.live.has(id) && id !== view.configuration?.leader)
    .sort((a, b) => rank(a) - rank(b))[0];
  if (to === undefined) return undefined;
  return { steps: [{ kind: "transferLeadership", to, slot: view.slotOf(to), reason }] };
}

export function describeMembers(view: View, ids: readonly MemberId[]): string {
  return ids.map((id) => `${id} (${describeSlot(view.slotOf(id))})`).join(", ");
}

export function describeSlot(slot: number | undefined): string {
  return slot === undefined ? "no slot" : `slot ${slot}`;
}

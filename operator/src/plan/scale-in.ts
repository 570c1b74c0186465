import type { MemberId } from "../api/v1alpha1/types.ts";
import {
  describeMembers,
  type Goal,
  isReadyLearner,
  newcomerAt,
  proposeVoters,
  slotsWithoutVoter,
} from "./membership.ts";
import type { Finding, Outcome } from "./outcome.ts";
import { hasMajorityOfSize } from "./quorum-guard.ts";

/**
 * Takes the vote from the members in the highest slots, all in one joint change, with learners that are ready
 * promoted in the same one. Not while the smaller configuration would lack a live majority: then dead members
 * in lower slots are replaced first.
 */
export function planScaleIn(goal: Goal): Outcome {
  const { view } = goal;
  const victims = view.voters.filter(({ id }) => (view.slotOf(id) ?? 0) >= goal.wanted).map(({ id }) => id);
  if (victims.length === 0) return {};
  const newcomers = slotsWithoutVoter(goal)
    .map((slot) => newcomerAt(goal, slot))
    .filter((id) => isReadyLearner(view, id)) as MemberId[];
  const rest = view.voters.map(({ id }) => id).filter((id) => !victims.includes(id));
  const target = [...rest, ...newcomers];
  const reason = `shrinks to ${goal.wanted} replicas: takes the vote from ${describeMembers(view, victims)}`;
  const isSafe = hasMajorityOfSize(target, view.live, goal.wanted);
  const proposal = isSafe ? proposeVoters(view, target, reason) : undefined;
  if (proposal !== undefined) {
    return { proposal, findings: [{ level: "progress", reason: "ScalingIn", message: reason }] };
  }
  const dead = rest.filter((id) => !view.live.has(id));
  const message = `can't shrink to ${goal.wanted} replicas yet: too few of those that stay are alive and caught up (missing: ${describeMembers(view, dead) || "newcomers"}); they come back or are replaced first`;
  const finding: Finding = { level: "trouble", reason: "ScaleInWaits", message };
  return { findings: [finding] };
}

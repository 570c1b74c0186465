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
import { describeSlots } from "./slots.ts";

/**
 * Gives newcomers their vote, all in one joint change. Those that fill a gap below `grownFrom` don't wait for
 * those that make the store larger.
 */
export function planPromotion(goal: Goal, grownFrom: number): Outcome {
  const missing = slotsWithoutVoter(goal);
  const refill = promote(
    goal,
    missing.filter((slot) => slot < grownFrom),
  );
  if (refill.proposal !== undefined) return refill;
  const growth = promote(
    goal,
    missing.filter((slot) => slot >= grownFrom),
  );
  const findings = [...(refill.findings ?? []), ...(growth.findings ?? [])];
  return { proposal: growth.proposal, findings };
}

function promote(goal: Goal, slots: readonly number[]): Outcome {
  if (slots.length === 0) return {};
  const { view } = goal;
  const newcomers = slots.map((slot) => newcomerAt(goal, slot));
  const ready = newcomers.filter((id) => isReadyLearner(view, id)) as MemberId[];
  if (ready.length < slots.length) {
    const waiting = slots.filter((_, i) => !isReadyLearner(view, newcomers[i]));
    const message = `waits until the newcomers have caught up: ${describeSlots(view, waiting)}`;
    return { findings: [{ level: "progress", reason: "CatchingUp", message }] };
  }
  const reason = `gives a vote to ${describeMembers(view, ready)}`;
  const proposal = proposeVoters(view, [...view.voters.map(({ id }) => id), ...ready], reason);
  const finding: Finding =
    proposal === undefined
      ? { level: "trouble", reason: "QuorumAtRisk", message: `${reason}: too few members are alive` }
      : { level: "progress", reason: "ChangingMembers", message: reason };
  return { proposal, findings: [finding] };
}

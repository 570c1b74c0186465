import type { MemberId } from "../api/v1alpha1/types.ts";
import type { Proposal } from "./outcome.ts";
import { majority } from "./quorum-guard.ts";
import type { Step } from "./step.ts";
import { reportedId, type View } from "./view.ts";

/**
 * How many voters' processes must stay when one is evicted: the larger majority of what is in force and what
 * is about to be. Raised before a change; lowered only when one configuration is in force and no change is
 * latched that may still arrive.
 */
export function planBudget(view: View, proposal: Proposal | undefined): readonly Step[] {
  const { configuration } = view;
  if (configuration === undefined) return [];
  const { budget, status } = view.input;
  const changes = [status.change?.voters, proposal?.latch?.voters].flatMap((voters) => voters?.length ?? []);
  const sizes = [view.voters.length, ...changes];
  const needed = Math.max(...sizes.map((size) => neededOf(view, size)));
  const minAvailable = view.settled ? needed : Math.max(needed, budget?.minAvailable ?? 0);
  const voters = configuration.members
    .filter(({ id, kind }) => kind !== "learner" && isThere(view, id))
    .flatMap(({ id }) => view.slotOf(id) ?? [])
    .sort((a, b) => a - b);
  const isMarked = budget !== undefined && sameMarks(view, voters, budget.voters);
  if (budget?.minAvailable === minAvailable && isMarked) return [];
  const reason = `${minAvailable} of the voters in slots ${voters.join(", ")} must stay`;
  return [{ kind: "setBudget", minAvailable, voters, reason }];
}

/**
 * A newcomer in the slot of a voter that is lost has no vote, and must not stand for one. Of a slot that is silent
 * the mark stays as it is.
 */
function isThere(view: View, id: MemberId): boolean {
  const index = view.slotOf(id) ?? -1;
  const reported = reportedId(view.slot(index));
  return reported === undefined ? view.input.budget?.voters.includes(index) === true : reported === id;
}

/** Marks are on replicas: a slot without one has nothing to put right. */
function sameMarks(view: View, wanted: readonly number[], marked: readonly number[]): boolean {
  return view.input.slots
    .filter(({ replica }) => replica !== undefined)
    .every(({ index }) => wanted.includes(index) === marked.includes(index));
}

/** One or two members can't be drained without an interruption: whoever allows it gives up one of them. */
function neededOf(view: View, voters: number): number {
  const isSmall = voters <= 2;
  return majority(voters) - (isSmall && view.input.spec.drainsMayInterruptService ? 1 : 0);
}

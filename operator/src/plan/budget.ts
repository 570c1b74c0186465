import type { MemberId } from "../api/v1alpha1/types.ts";
import type { Proposal } from "./outcome.ts";
import { majority } from "./quorum-guard.ts";
import type { Step } from "./step.ts";
import { reportedId, type View } from "./view.ts";

/**
 * How many voters' processes must stay when one is evicted: of all that vote before or after a change, as many may
 * go as the half can bear that bears least, since they may all be its own. The larger of the two majorities would let
 * 0 and 1 go of {0, 1, 2, 3, 4} → {0, 1, 2}. Raised before a change, as soon as fewer are wanted; lowered only when
 * one configuration is in force, without learners whose change it may have been raised for, and no change is latched
 * that may still arrive.
 *
 * @param wanted how many voters there are to be; undefined: something comes first that asks the budget itself
 */
export function planBudget(view: View, proposal?: Proposal, wanted?: number): readonly Step[] {
  const { configuration } = view;
  if (configuration === undefined) return [];
  const { budget, status } = view.input;
  const now = configuration.members.filter(({ kind }) => kind !== "learner").map(({ id }) => id);
  const targets = [status.change?.voters, proposal?.latch?.voters].flatMap((voters) =>
    voters === undefined ? [] : [voters],
  );
  const all = [...new Set([now, ...targets].flat())];
  // Who of the incoming half votes in the outgoing one, too, is not told.
  const mayGo = configuration.joint
    ? 0
    : Math.min(
        ...[now.length, wanted ?? now.length, ...targets.map(({ length }) => length)].map((voters) =>
          bearable(view, voters),
        ),
      );
  const needed = all.length - mayGo;
  const isHeld = !view.settled || (wanted !== undefined && view.learners.length > 0);
  const minAvailable = isHeld ? Math.max(needed, budget?.minAvailable ?? 0) : needed;
  const voters = all
    .filter((id) => isThere(view, id))
    .flatMap((id) => view.slotOf(id) ?? [])
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
function bearable(view: View, voters: number): number {
  const isSmall = voters <= 2;
  return voters - majority(voters) + (isSmall && view.input.spec.drainsMayInterruptService ? 1 : 0);
}

import { millisecondsFromTimestamp, timestampFromMilliseconds } from "../api/v1alpha1/timestamp.ts";
import type { Change } from "../api/v1alpha1/types.ts";
import { changeMembership } from "./membership.ts";
import type { Slot } from "./observation.ts";
import type { Proposal } from "./outcome.ts";
import { canLose } from "./quorum-guard.ts";
import { restartOfReplaced } from "./replace.ts";
import { type Step, sameIds } from "./step.ts";
import { reportedId, type View } from "./view.ts";

/**
 * After the last try. A platform begins a step within a minute of its plan and gives the call up soon: what was not
 * seen to happen by then did not happen.
 */
export const STEP_EXPIRES_SECONDS = 120;

/** What status says of the last try may be so old: it is not written with each of them. */
const TRIED_EVERY_SECONDS = 30;

/** Writes the latch first, and acts only if that was written; what needs no latch just acts. */
export function latchAndAct(view: View, proposal: Proposal): readonly Step[] {
  const { latch } = proposal;
  if (latch === undefined) return proposal.steps;
  const change: Change = {
    ...latch,
    startedTime: timestampFromMilliseconds(view.input.now),
    configurationIndex: view.configuration!.index.toString(),
  };
  return [{ kind: "latch", change, reason: latch.reason }, ...proposal.steps];
}

/**
 * What to do about the disruptive step that was latched: clear it when its effect is there or it can't happen
 * any more, do it again when it is what would be proposed now, else see to it that it comes to an end.
 */
export function resolveLatch(view: View, change: Change, proposal: Proposal | undefined): readonly Step[] {
  switch (change.kind) {
    case "ChangeMembership":
      return resolveMembership(view, change, proposal);
    case "DeleteClaim":
      return resolveClaim(view, change, proposal);
    case "Restart":
      return resolveRestart(view, change, proposal);
    case "StopSlots":
      return resolveStop(view, change, proposal);
  }
}

function resolveMembership(view: View, change: Change, proposal: Proposal | undefined): readonly Step[] {
  const { configuration } = view;
  if (configuration === undefined || !view.settled) return [];
  if (configuration.index > BigInt(change.configurationIndex)) {
    // Status shall know the new voters first: who is down is judged by them when nobody answers.
    if (!isRecorded(view)) return [];
    return [clear(`the configuration has moved on to index ${configuration.index}`)];
  }
  const again = proposal?.latch?.voters;
  if (again !== undefined && sameIds(again, change.voters ?? [])) return proposal!.steps;
  // The request may still be on its way: the same members at a new index make it come too late.
  const reason = "the change is no longer wanted or possible: makes it arrive too late";
  const voters = view.voters.map(({ id }) => id);
  const learners = view.learners.map(({ id }) => id);
  return [changeMembership(view, voters, learners, reason)];
}

function isRecorded(view: View): boolean {
  const recorded = (view.input.status.members ?? []).filter(
    ({ role }) => role === "Leader" || role === "Follower",
  );
  return sameIds(
    recorded.map(({ id }) => id),
    view.voters.map(({ id }) => id),
  );
}

function resolveClaim(view: View, change: Change, proposal: Proposal | undefined): readonly Step[] {
  const slot = view.slot(change.slot ?? -1);
  if (slot?.claim?.uid !== change.uid) return [clear(`the claim of slot ${change.slot} is gone`)];
  return slot?.claim?.deleting === true
    ? finishDeletion(view, slot, change)
    : repeatOrExpire(view, change, proposal);
}

/**
 * Nothing takes a deletion back that was begun: the process has to go. But its end is the disk's, and the member
 * may be back, or others lost, since the deletion was asked for.
 */
function finishDeletion(view: View, slot: Slot, change: Change): readonly Step[] {
  const { replica } = slot;
  if (replica === undefined) return [];
  const voter = view.voterAt(slot.index);
  if (voter === undefined) return [restartOfReplaced(slot, replica.uid, change.reason)];
  if (reportedId(slot) === voter.id) {
    return [clear(`${voter.id} is back in slot ${slot.index}: the guards of live members decide`)];
  }
  const voters = view.voters.map(({ id }) => id);
  const isSafe = !voter.active && canLose(voters, view.live, voter.id);
  return isSafe ? [restartOfReplaced(slot, replica.uid, change.reason)] : [];
}

function resolveRestart(view: View, change: Change, proposal: Proposal | undefined): readonly Step[] {
  const replica = view.slot(change.slot ?? -1)?.replica;
  if (replica?.uid !== change.uid) return [clear(`the process of slot ${change.slot} has ended`)];
  if (replica?.deleting !== true) return repeatOrExpire(view, change, proposal);
  if (secondsSinceTried(view, change) < STEP_EXPIRES_SECONDS) return [];
  // Its node may never say that it has ended; until it has, it counts as lost wherever a majority is asked for.
  return [clear(`the process of slot ${change.slot} is being ended, and nothing takes that back`)];
}

function resolveStop(view: View, change: Change, proposal: Proposal | undefined): readonly Step[] {
  const isKept = view.input.slots.some(({ index, kept }) => kept && index >= (change.slot ?? 0));
  if (!isKept) return [clear(`nothing is kept in slot ${change.slot} and above`)];
  return repeatOrExpire(view, change, proposal);
}

function repeatOrExpire(view: View, change: Change, proposal: Proposal | undefined): readonly Step[] {
  const { latch } = proposal ?? {};
  const isSame = latch?.kind === change.kind && latch.uid === change.uid && latch.slot === change.slot;
  const since = secondsSinceTried(view, change);
  if (isSame) {
    if (since < TRIED_EVERY_SECONDS) return proposal!.steps;
    const tried: Change = { ...change, triedTime: timestampFromMilliseconds(view.input.now) };
    return [{ kind: "latch", change: tried, reason: `tries again: ${change.reason}` }, ...proposal!.steps];
  }
  if (since < STEP_EXPIRES_SECONDS) return [];
  return [clear("it did not happen, and is no longer wanted or safe")];
}

function secondsSinceTried({ input }: View, { triedTime, startedTime }: Change): number {
  return (input.now - (millisecondsFromTimestamp(triedTime ?? startedTime) ?? 0)) / 1_000;
}

function clear(reason: string): Step {
  return { kind: "clearLatch", reason };
}

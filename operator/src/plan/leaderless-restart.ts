import type { MemberId } from "../api/v1alpha1/types.ts";
import type { Slot } from "./observation.ts";
import type { Finding, Outcome } from "./outcome.ts";
import { majority } from "./quorum-guard.ts";
import { isDue, maybeSetTemplate, START_GRACE_SECONDS } from "./rolling-change.ts";
import { describeSlots } from "./slots.ts";
import type { Step } from "./step.ts";
import { isDiskGoing, isNodeThere, orderedSlots, recordedVoters, reportedId, type View } from "./view.ts";

/**
 * For so long a majority must have known no leader. A round of an election takes one or two timeouts, of at most 60 s
 * each and 1 s by default, and a replica counts only from when it answers and three timeouts have made it unready: the
 * recovery of its disk, however long, is not part of it.
 */
export const LEADERLESS_GRACE_SECONDS = 300;

/**
 * The way out when members run and elect no leader because of the template that they were made from: a rolling change
 * would wait for that leader for ever. Who knows no leader acknowledges nothing, so ending its process takes no quorum
 * away. One at a time, and each only when the ones before answer and had time for an election: a template that does
 * not run costs one process, and nothing more is ended once a leader is known.
 */
export function planLeaderlessRestart(view: View): Outcome {
  const groups = votersToAsk(view);
  const asked = slotsOf(view, groups);
  const due = asked.filter((slot) => isLeaderless(view, slot, 0) && mayRestart(view, slot));
  if (due.length === 0 || !isMajorityLeaderless(view, groups, 0)) return {};
  const waitsFor = asked.filter((slot) => isAwaited(view, slot)).map(({ index }) => index);
  const isOver = isMajorityLeaderless(view, groups, LEADERLESS_GRACE_SECONDS);
  const slot = due.find((one) => isLeaderless(view, one, LEADERLESS_GRACE_SECONDS));
  if (waitsFor.length > 0 || !isOver || slot?.replica === undefined) {
    const others = waitsFor.length === 0 ? "" : `; waits for ${describeSlots(view, waitsFor)}`;
    const message = `members know no leader and were made from another template: once that has lasted for ${LEADERLESS_GRACE_SECONDS} s their processes are replaced, one at a time${others}`;
    return { findings: [progress("RollingWaits", message)] };
  }
  const { uid } = slot.replica;
  const reason = `slot ${slot.index} was made from another template, and no leader is elected with it`;
  const step: Step = { kind: "restartSlot", slot: slot.index, replicaUid: uid, how: "evict", reason };
  const message = "no leader is elected: replaces processes of another template, one at a time";
  return {
    steps: [...maybeSetTemplate(view, "members that elect no leader get it first"), step],
    findings: [progress("Rolling", message)],
  };
}

/**
 * Groups of which each may be one that decides: the voters that were known last, and those of a change that may have
 * been made since. Before the members are known: whoever says that it is one.
 */
function votersToAsk(view: View): readonly (readonly MemberId[])[] {
  const { change } = view.input.status;
  const recorded = recordedVoters(view).map(({ id }) => id);
  if (recorded.length > 0) return [recorded, ...(change?.voters === undefined ? [] : [change.voters])];
  return [orderedSlots(view).flatMap(({ report }) => (report.kind === "member" ? [report.memberId] : []))];
}

/** Slots of those voters, as far as no other disk is there now; before the members are known any slot may be one's. */
function slotsOf(view: View, groups: readonly (readonly MemberId[])[]): readonly Slot[] {
  if (recordedVoters(view).length === 0) return orderedSlots(view);
  const ids = groups.flat();
  const indices = ids.map((id) => view.slotOf(id));
  return orderedSlots(view).filter((slot) => {
    const reported = reportedId(slot);
    return indices.includes(slot.index) && (reported === undefined || ids.includes(reported));
  });
}

function isMajorityLeaderless(
  view: View,
  groups: readonly (readonly MemberId[])[],
  seconds: number,
): boolean {
  const leaderless = orderedSlots(view)
    .filter((slot) => isLeaderless(view, slot, seconds))
    .map(reportedId);
  return groups.every(
    (group) => group.filter((id) => leaderless.includes(id)).length >= majority(group.length),
  );
}

/** It has said at every look for so long that it knows no leader. */
export function isLeaderless(view: View, { report }: Slot, seconds: number): boolean {
  return (
    report.kind === "member" &&
    report.leaderlessSince !== undefined &&
    view.input.now - report.leaderlessSince >= seconds * 1_000
  );
}

/** It may know a leader, or bring one about: it is being made or ended, does not answer, or answers only since lately. */
function isAwaited(view: View, slot: Slot): boolean {
  const { report, replica, claim } = slot;
  if (report.kind === "silent") return isNodeThere(slot) && claim?.lost !== true;
  return (
    report.kind === "member" && (replica?.deleting === true || !isLeaderless(view, slot, START_GRACE_SECONDS))
  );
}

/** A volume that is being deleted goes with the process that holds it. */
function mayRestart({ input }: View, slot: Slot): boolean {
  const { replica, index } = slot;
  const { change } = input.status;
  if (replica === undefined || replica.deleting || !isDue(input, replica) || !isNodeThere(slot)) return false;
  const isClaimLatched = change?.kind === "DeleteClaim" && change.slot === index;
  return !isDiskGoing(slot) && !isClaimLatched;
}

function progress(reason: Finding["reason"], message: string): Finding {
  return { level: "progress", reason, message };
}

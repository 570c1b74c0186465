import type { ScaleOutStatus } from "../api/v1alpha1/types.ts";
import type { Goal } from "./membership.ts";
import type { Report, Slot } from "./observation.ts";
import type { Outcome } from "./outcome.ts";
import { isMadeClaim } from "./scale-out.ts";
import type { Step } from "./step.ts";
import { isConfigured, membersAt, orderedSlots, removalOf, type View } from "./view.ts";

/** Keeps a process in every wanted slot and in every slot of a member. */
export function planStarts(goal: Goal): Outcome {
  const steps = startSlots(goal.view, slotCount(goal), "a replica is wanted here");
  if (steps.length === 0) return {};
  return { steps, findings: [{ level: "progress", reason: "StartingReplicas", message: "starts replicas" }] };
}

/**
 * Ends the processes above. They serve nothing, but a request that comes late could find members in their
 * slots again: so it is latched like everything disruptive.
 */
export function planStops(goal: Goal): Outcome {
  const from = slotCount(goal);
  const above = goal.view.input.slots.filter(({ index, kept }) => index >= from && kept);
  if (above.length === 0) return {};
  const reason = `no member is left in slot ${from} and above`;
  return {
    proposal: {
      latch: { kind: "StopSlots", reason, slot: from },
      steps: [{ kind: "stopSlots", from, reason }],
    },
    findings: [{ level: "progress", reason: "StoppingReplicas", message: reason }],
  };
}

function slotCount(goal: Goal): number {
  return Math.max(goal.wanted, ...memberSlots(goal.view).map((slot) => slot + 1));
}

/** Slots of the configuration's members, as far as there is anything in them. */
function memberSlots(view: View): readonly number[] {
  const members = view.configuration?.members ?? [];
  return members.flatMap(({ id }) => view.slot(view.slotOf(id) ?? -1)?.index ?? []);
}

/** Without a believed configuration nothing is added: what was there is kept. */
export function planKnownProcesses(view: View): Outcome {
  const known = [
    ...view.input.slots.filter(({ kept }) => kept).map(({ index }) => index),
    ...(view.input.status.members ?? []).flatMap(({ slot }) => slot ?? []),
    ...memberSlots(view),
  ];
  return { steps: startSlots(view, Math.max(-1, ...known) + 1, "a member was here") };
}

/** With why a process does not run, where that is known. */
export function describeSlots(view: View, slots: readonly number[]): string {
  const texts = slots.map((index) => {
    const waiting = describeWaiting(view.slot(index));
    return waiting === undefined ? `${index}` : `${index} (${waiting})`;
  });
  return `${texts.length === 1 ? "slot" : "slots"} ${texts.join(", ")}`;
}

/** Why its process does not run, where that is known. */
export function describeWaiting(slot: Slot | undefined): string | undefined {
  const waiting = slot?.replica?.waiting;
  const missing = slot?.claim?.missingClass;
  if (waiting !== "Unschedulable" || missing === undefined) return waiting;
  return `${waiting}: there is no storage class ${missing}`;
}

export function startSlots(view: View, count: number, reason: string): Step[] {
  const steps: Step[] = [];
  for (let slot = 0; slot < count; slot++) {
    const observed = view.slot(slot);
    if (observed?.kept === true && observed.replica !== undefined) continue;
    steps.push({ kind: "startSlot", slot, reason });
  }
  return steps;
}

/** Disks of members that were removed are set aside, so that their slots can join anew (E6). */
export function planResets({ view, wanted }: Goal): Outcome {
  const steps = orderedSlots(view)
    .filter(({ index }) => index < wanted)
    .flatMap((slot): Step[] => {
      const { report } = slot;
      const removedIndex = removedIndexOf(view, report);
      if (report.kind === "silent" || report.kind === "damaged" || removedIndex === undefined) return [];
      const { memberId } = report;
      const clusterId = view.input.status.clusterId!;
      const reason = `member ${memberId} is no longer in the configuration: a new one takes its slot`;
      return [{ kind: "resetMember", slot: slot.index, memberId, clusterId, removedIndex, reason }];
    });
  return { steps };
}

/** undefined for a disk that need not be reset. */
function removedIndexOf(view: View, report: Report): bigint | undefined {
  if (report.kind === "silent" || report.kind === "damaged" || isConfigured(view, report.memberId))
    return undefined;
  if (report.kind === "removed") return report.removedIndex;
  return (
    removalOf(view, report.memberId) ?? (report.kind === "member" ? view.configuration?.index : undefined)
  );
}

/**
 * What is harmless at any time, also without quorum: processes whose node is gone or tainted out-of-service are
 * let go of, and those that wait for a volume that was deleted are made anew.
 */
export function planHopeless(view: View): Outcome {
  const steps: Step[] = [];
  for (const slot of orderedSlots(view)) {
    const { replica, node } = slot;
    if (replica === undefined || slot.report.kind !== "silent") continue;
    if (membersAt(view, slot.index).some(({ active }) => active)) continue;
    const isPlaced = replica.waiting !== "Unschedulable";
    if (isPlaced && (node.state === "gone" || node.state === "out-of-service")) {
      const reason = `its node is ${node.state}: nothing runs there any more`;
      steps.push({ kind: "restartSlot", slot: slot.index, replicaUid: replica.uid, how: "force", reason });
    } else if (slot.claim === undefined && !replica.ready && !replica.deleting) {
      const reason = "its volume was deleted: it gets a new one";
      steps.push({ kind: "restartSlot", slot: slot.index, replicaUid: replica.uid, how: "evict", reason });
    }
  }
  return { steps };
}

/** Claims above the wanted slots whose member is out: by policy, and those that were made for newcomers. */
export function planLeftoverClaims(goal: Goal, record: ScaleOutStatus | undefined): Outcome {
  const { view } = goal;
  const { whenScaled } = view.input.spec;
  const isLeft = (slot: Slot): boolean =>
    slot.index >= goal.wanted &&
    slot.claim !== undefined &&
    !slot.claim.deleting &&
    slot.replica === undefined &&
    !slot.kept &&
    (whenScaled === "Delete" || isMadeClaim(record, slot)) &&
    membersAt(view, slot.index).length === 0 &&
    view.unslotted.length === 0;
  const slot = orderedSlots(view).toReversed().find(isLeft);
  if (slot?.claim === undefined) return {};
  const reason = isMadeClaim(record, slot)
    ? `the volume in slot ${slot.index} was made for a newcomer that never had a vote`
    : `the member of slot ${slot.index} is out, and spec.storage.whenScaled is Delete`;
  const { uid } = slot.claim;
  return {
    proposal: {
      latch: { kind: "DeleteClaim", reason, slot: slot.index, uid },
      steps: [{ kind: "deleteClaim", slot: slot.index, uid, reason }],
    },
    findings: [{ level: "progress", reason: "DeletingClaims", message: reason }],
  };
}

import type { EventReason } from "../api/v1alpha1/event-reasons.ts";
import type { Step } from "../plan/step.ts";
import type { StepEvent } from "../platform/kubernetes/act-context.ts";

/** undefined: the note of a step that follows it, which says the same. */
const reasonOf: Readonly<Record<Step["kind"], EventReason | undefined>> = {
  startSlot: "StartReplica",
  stopSlots: "StopReplicas",
  restartSlot: "RestartReplica",
  deleteClaim: "DeleteVolumeClaim",
  bootstrap: "FoundCluster",
  changeMembership: "ChangeMembers",
  transferLeadership: "TransferLeadership",
  resetMember: "ResetMember",
  setBudget: "SetDisruptionBudget",
  setTemplate: "SetTemplate",
  recordClusterId: "RecordCluster",
  recordScaleOut: "RecordGrowth",
  finishDeletion: "FinishDeletion",
  latch: undefined,
  clearLatch: undefined,
  recordBootstrap: undefined,
  event: undefined,
};

/** What is told of a step that was carried out. */
export function stepEvent({ kind, reason: note }: Step): StepEvent | undefined {
  const reason = reasonOf[kind];
  return reason === undefined ? undefined : { type: "Normal", reason, note };
}

import type { BootstrapStatus, Change, ClusterId, MemberId, ScaleOutStatus } from "../api/v1alpha1/types.ts";

/**
 * What the platform carries out, in the order of the plan; it stops at the first that fails and observes anew.
 * `reason` is for a person.
 */
export type Step = StepBody & { readonly reason: string };

export type StepBody =
  /** Keep a process in this slot, with a volume (new if there is none). */
  | { readonly kind: "startSlot"; readonly slot: number }
  /**
   * Keep no process in this slot and in none above it. Applied only to what was observed: a late request must
   * not take away what was started again.
   */
  | { readonly kind: "stopSlots"; readonly from: number }
  | RestartSlot
  | DeleteClaim
  | ({ readonly kind: "bootstrap"; readonly slot: number } & BootstrapStatus)
  | ChangeMembership
  | { readonly kind: "transferLeadership"; readonly to: MemberId; readonly slot: number | undefined }
  /** The replica sets its data aside and draws a new member id. */
  | {
      readonly kind: "resetMember";
      readonly slot: number;
      readonly memberId: MemberId;
      readonly clusterId: ClusterId;
      readonly removedIndex: bigint;
    }
  /** Applied only to the budget that was observed: a late write must not undo a later one. */
  | { readonly kind: "setBudget"; readonly minAvailable: number; readonly voters: readonly number[] }
  /** New processes are made from the wanted template from now on. */
  | { readonly kind: "setTemplate"; readonly hash: string }
  | StatusStep
  /** Nothing is left to do for a resource that is being deleted. */
  | { readonly kind: "finishDeletion" }
  | {
      readonly kind: "event";
      readonly type: "Normal" | "Warning";
      readonly eventReason: string;
    };

/** Writes of status, each with the resourceVersion that was observed. */
export type StatusStep =
  | { readonly kind: "latch"; readonly change: Change }
  | { readonly kind: "clearLatch" }
  | { readonly kind: "recordBootstrap"; readonly bootstrap: BootstrapStatus }
  | { readonly kind: "recordClusterId"; readonly clusterId: ClusterId }
  | { readonly kind: "recordScaleOut"; readonly scaleOut: ScaleOutStatus | undefined };

/**
 * Ends this very process; the platform makes another in its place.
 * `evict`: asks the budget, which always allows what is not ready. `delete`: does not ask. `force`: does not
 * wait for the node either.
 */
export interface RestartSlot {
  readonly kind: "restartSlot";
  readonly slot: number;
  readonly replicaUid: string;
  readonly how: "evict" | "delete" | "force";
}

export interface DeleteClaim {
  readonly kind: "deleteClaim";
  readonly slot: number;
  readonly uid: string;
}

export interface ChangeMembership {
  readonly kind: "changeMembership";
  /** Refused when another configuration is in force. */
  readonly expectedIndex: bigint;
  /** All of them: who is not named is removed. */
  readonly target: readonly TargetMember[];
}

export interface TargetMember {
  readonly id: MemberId;
  readonly kind: "voter" | "learner";
  readonly slot: number | undefined;
}

export function sameIds(a: readonly MemberId[], b: readonly MemberId[]): boolean {
  if (a.length !== b.length) return false;
  const sorted = [...b].sort();
  return [...a].sort().every((id, i) => id === sorted[i]);
}

import type { Slot } from "../cluster/types.ts";
import { type ApplyFault, type FaultContext, type FaultOf, slotAt } from "./fault-context.ts";
import type { FaultKind } from "./types.ts";

function applyChangeMembership(context: FaultContext, fault: FaultOf<"change-membership">): void {
  const slots = (indices: readonly number[]): Slot[] =>
    indices.flatMap((index) => slotAt(context, index) ?? []);
  const voters = slots(fault.target);
  if (voters.length === 0) return;
  context.administrator.change({ voters, learners: slots(fault.learners), ghosts: slots(fault.neverUp) });
}

function applyReplaceLost({ administrator }: FaultContext): void {
  administrator.replaceLost();
}

function applyTransfer(context: FaultContext, { to }: FaultOf<"transfer">): void {
  const slot = slotAt(context, to);
  if (slot !== undefined) context.administrator.transfer(slot);
}

function applyBootstrapAgain(context: FaultContext, fault: FaultOf<"bootstrap-again">): void {
  const slot = slotAt(context, fault.slot);
  if (slot !== undefined) context.administrator.bootstrapAgain(slot, fault.otherCluster);
}

export const membershipFaults = {
  "change-membership": applyChangeMembership,
  "replace-lost": applyReplaceLost,
  "bootstrap-again": applyBootstrapAgain,
  transfer: applyTransfer,
} satisfies Partial<{ [K in FaultKind]: ApplyFault<K> }>;

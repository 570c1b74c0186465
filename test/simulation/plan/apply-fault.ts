import { operatorFaults } from "../operator/operator-faults.ts";
import { diskFaults } from "./apply-disk.ts";
import { installFaults } from "./apply-install.ts";
import { membershipFaults } from "./apply-membership.ts";
import { networkFaults } from "./apply-network.ts";
import { processFaults } from "./apply-process.ts";
import type { ApplyFault, FaultContext, FaultOf } from "./fault-context.ts";
import type { OldCopy } from "./old-copies.ts";
import type { FaultKind } from "./types.ts";

const table: { readonly [K in FaultKind]: ApplyFault<K> } = {
  ...processFaults,
  ...networkFaults,
  ...diskFaults,
  ...membershipFaults,
  ...installFaults,
  ...operatorFaults,
};

/** Carries out one fault and has it end by itself. `copy` is what an old copy puts back. */
export function applyFault<K extends FaultKind>(
  context: FaultContext,
  fault: FaultOf<K> & { readonly kind: K },
  copy: OldCopy | undefined,
): void {
  const apply: ApplyFault<K> = table[fault.kind];
  apply(context, fault, copy);
}

import type { Outcome } from "./outcome.ts";
import type { Step } from "./step.ts";
import { clusterIdsOf, orderedSlots, type View } from "./view.ts";

/** The resource is being deleted: claims by policy, and only after every process has ended. */
export function planDeletion(view: View): Outcome {
  const finish = (reason: string): Outcome => ({
    steps: [{ kind: "finishDeletion", reason }],
    findings: [{ level: "progress", reason: "Deleting", message: `the store is being deleted; ${reason}` }],
  });
  if (view.input.spec.whenDeleted === "Retain") return finish("claims are kept");
  if (clusterIdsOf(view.input).length > 1) {
    return finish("claims are kept: they carry data of more than one cluster");
  }
  const slots = orderedSlots(view);
  const running = slots.filter(({ replica, kept }) => replica !== undefined || kept);
  if (running.length > 0) {
    const reason = "the store is being deleted, with its claims";
    return {
      steps: [{ kind: "stopSlots", from: 0, reason }],
      findings: [{ level: "progress", reason: "Deleting", message: "waits until every process has ended" }],
    };
  }
  const claims = slots.filter(({ claim }) => claim !== undefined);
  if (claims.length === 0) return finish("nothing is left");
  const steps = claims.flatMap(({ index, claim }): Step[] =>
    claim === undefined || claim.deleting
      ? []
      : [
          {
            kind: "deleteClaim",
            slot: index,
            uid: claim.uid,
            reason: "the store is deleted, and spec.storage.whenDeleted is Delete",
          },
        ],
  );
  const message = `deletes ${claims.length} claims`;
  return { steps, findings: [{ level: "progress", reason: "Deleting", message }] };
}

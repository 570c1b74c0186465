import type { DeleteClaim, RestartSlot, Step } from "../../plan/step.ts";
import { actOnReplicas } from "../act-on-replicas.ts";
import { askAgain } from "../ask-again.ts";
import { statusChange } from "../status-change.ts";
import type { ActContext } from "./act-context.ts";
import { applyStatefulSet } from "./apply-objects.ts";
import { names } from "./names.ts";
import { setBudget } from "./set-budget.ts";

/**
 * Carries one step out. Each may be done twice: it names what it means by UID, id or configuration index, so that
 * what was planned on an old view is refused. Rejects with a KubeError, a ReplicaCallError or a StepOutdatedError.
 */
export async function act(step: Step, context: ActContext): Promise<void> {
  const { objects, status } = context;
  context.assertMayAct();
  switch (step.kind) {
    case "startSlot":
      return applyStatefulSet(context, { slots: (kept) => Math.max(kept, step.slot + 1) });
    case "stopSlots":
      if (objects.statefulSet === undefined) return;
      return applyStatefulSet(context, { slots: (kept) => Math.min(kept, step.from) });
    case "setTemplate":
      return applyStatefulSet(context, { slots: (kept) => kept, template: step.hash });
    case "restartSlot":
      return restartSlot(step, context);
    case "deleteClaim":
      return deleteClaim(step, context);
    case "bootstrap":
    case "changeMembership":
    case "transferLeadership":
    case "resetMember":
      return actOnReplicas(step, context);
    case "setBudget":
      return setBudget(step, context);
    case "latch":
    case "clearLatch":
    case "recordBootstrap":
    case "recordClusterId":
    case "recordScaleOut":
      return status.write(statusChange(step));
    case "event":
      return context.event({ type: step.type, reason: step.eventReason, note: step.reason });
    case "finishDeletion":
      return context.removeFinalizer(objects.resource);
  }
}

async function deleteClaim({ slot, uid }: DeleteClaim, context: ActContext): Promise<void> {
  const { store, client, objects } = context;
  await askAgain(slot, context);
  context.assertMayAct();
  const name = names.claim(store, slot);
  const ref = { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace: store.namespace, name };
  // As it was seen when this was planned, and no later one.
  const { resourceVersion } = objects.claims.get(slot)?.metadata ?? {};
  await client.delete(ref, { uid, ...(resourceVersion === undefined ? {} : { resourceVersion }) });
}

async function restartSlot({ slot, replicaUid: uid, how }: RestartSlot, context: ActContext): Promise<void> {
  const { store, client } = context;
  const pod = { namespace: store.namespace, name: names.pod(store, slot) };
  if (how === "evict") return client.evict(pod, uid);
  const ref = { apiVersion: "v1", kind: "Pod", ...pod };
  await client.delete(ref, { uid }, how === "force" ? 0 : undefined);
}

import type { MemberId } from "../../api/v1alpha1/types.ts";
import { idToWire } from "../../member/member-id.ts";
import { ReplicaClient, type TargetMember } from "../../member/replica-client.ts";
import { isRemovedRefusal } from "../../member/replica-error.ts";
import type { ChangeMembership, RestartSlot, Step } from "../../plan/step.ts";
import { type ActContext, StepOutdatedError } from "./act-context.ts";
import { applyStatefulSet } from "./apply-objects.ts";
import { memberUrls, names } from "./names.ts";
import { setBudget } from "./set-budget.ts";

/**
 * Carries one step out. Each may be done twice: it names what it means by UID, id or configuration index, so that
 * what was planned on an old view is refused. Rejects with a KubeError, a ReplicaCallError or a StepOutdatedError.
 */
export async function act(step: Step, context: ActContext): Promise<void> {
  const { store, objects, status, client } = context;
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
    case "deleteClaim": {
      const { uid } = step;
      const name = names.claim(store, step.slot);
      const ref = { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace: store.namespace, name };
      await client.delete(ref, { uid });
      return;
    }
    case "bootstrap":
      return replicaIn(step.slot, context).bootstrap(idToWire(step.clusterId), idToWire(step.memberId));
    case "changeMembership":
      return changeMembership(step, context);
    case "transferLeadership":
      return leader(context).transferLeadership(idToWire(step.to));
    case "resetMember":
      return replicaIn(step.slot, context).reset(
        idToWire(step.clusterId),
        idToWire(step.memberId),
        step.removedIndex,
      );
    case "setBudget":
      return setBudget(step, context);
    case "latch":
      return status.write({ change: step.change });
    case "clearLatch":
      return status.write({ change: undefined });
    case "recordBootstrap":
      return status.write({ bootstrap: step.bootstrap });
    case "recordClusterId":
      return status.write({ clusterId: step.clusterId });
    case "recordScaleOut":
      return status.write({ scaleOut: step.scaleOut });
    case "event":
      return context.event({ type: step.type, reason: step.eventReason, note: step.reason });
    case "finishDeletion":
      return context.removeFinalizer(objects.resource);
  }
}

async function restartSlot({ slot, replicaUid: uid, how }: RestartSlot, context: ActContext): Promise<void> {
  const { store, client } = context;
  const pod = { namespace: store.namespace, name: names.pod(store, slot) };
  if (how === "evict") return client.evict(pod, uid);
  const ref = { apiVersion: "v1", kind: "Pod", ...pod };
  await client.delete(ref, { uid }, how === "force" ? 0 : undefined);
}

async function changeMembership(
  { expectedIndex, target }: ChangeMembership,
  context: ActContext,
): Promise<void> {
  const { store, input, removed } = context;
  const isKnown = (id: MemberId) => input.configuration?.members.some((member) => member.id === id) === true;
  const newcomers = target.filter(({ id }) => !isKnown(id));
  const members = target.map(({ id, kind, slot }): TargetMember => {
    // What is known of a member stays; a newcomer says where it is.
    if (isKnown(id)) return { id: idToWire(id), kind, name: "", peerUrl: "", clientUrl: "" };
    if (slot === undefined) throw new StepOutdatedError(`the new member ${id} is in no slot`);
    return { id: idToWire(id), kind, name: names.pod(store, slot), ...memberUrls(store, slot) };
  });
  try {
    await leader(context).changeMembership(expectedIndex, members);
  } catch (error) {
    // Which of them it is, is not said: newcomers can all draw a new id.
    if (isRemovedRefusal(error)) for (const { id } of newcomers) removed.set(id, error.index);
    throw error;
  }
}

function leader(context: ActContext): ReplicaClient {
  const { input } = context;
  const id = input.configuration?.leader;
  const slot = input.slots.find(({ report }) => report.kind === "member" && report.memberId === id);
  if (slot === undefined) throw new StepOutdatedError("the leader is in no slot that answers");
  return replicaIn(slot.index, context);
}

/** At the address where it was seen: a name may lead to another one by now. */
function replicaIn(slot: number, { addresses }: ActContext): ReplicaClient {
  const address = addresses.get(slot);
  if (address === undefined)
    throw new StepOutdatedError(`the replica in slot ${slot} has no address any more`);
  return new ReplicaClient(address);
}

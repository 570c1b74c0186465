import { idToWire } from "../../member/member-id.ts";
import { ReplicaClient, type TargetMember } from "../../member/replica-client.ts";
import type { ChangeMembership, RestartSlot, Step } from "../../plan/step.ts";
import type { ActContext } from "./act-context.ts";
import { applyStatefulSet } from "./apply-objects.ts";
import { memberUrls, names } from "./names.ts";
import { setBudget } from "./set-budget.ts";

/** A step can't be carried out as planned any more: look again. */
export class StepOutdatedError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "StepOutdatedError";
  }
}

/**
 * Carries one step out. Each may be done twice: it names what it means by UID, id or configuration index, so that
 * what was planned on an old view is refused. Rejects with a KubeError, a ReplicaCallError or a StepOutdatedError.
 */
export async function act(step: Step, context: ActContext): Promise<void> {
  const { store, objects, status, client } = context;
  switch (step.kind) {
    case "startSlot":
      return applyStatefulSet(context, { slots: (kept) => Math.max(kept, step.slot + 1) });
    case "stopSlots":
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

function changeMembership({ expectedIndex, target }: ChangeMembership, context: ActContext): Promise<void> {
  const { store, input } = context;
  const members = target.map(({ id, kind, slot }): TargetMember => {
    const known = input.configuration?.members.some((member) => member.id === id) === true;
    // What is known of a member stays; a newcomer says where it is.
    if (known) return { id: idToWire(id), kind, name: "", peerUrl: "", clientUrl: "" };
    if (slot === undefined) throw new StepOutdatedError(`the new member ${id} is in no slot`);
    return { id: idToWire(id), kind, name: names.pod(store, slot), ...memberUrls(store, slot) };
  });
  return leader(context).changeMembership(expectedIndex, members);
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

import type { MemberId } from "../api/v1alpha1/types.ts";
import { idToWire } from "../member/member-id.ts";
import { type ReplicaAddress, ReplicaClient, type TargetMember } from "../member/replica-client.ts";
import { isRemovedRefusal } from "../member/replica-error.ts";
import type { PlanInput } from "../plan/observation.ts";
import type { ChangeMembership, Step } from "../plan/step.ts";
import { StepOutdatedError } from "./step-outdated-error.ts";

/** The oldest are forgotten: an id matters until its disk is set aside, and one that still does is refused again. */
const removedMax = 64;

/** What is asked of replicas themselves, on every platform alike. */
export type ReplicaStep = Extract<
  Step,
  { readonly kind: "bootstrap" | "changeMembership" | "transferLeadership" | "resetMember" }
>;

export interface ReplicasContext {
  readonly input: PlanInput;
  /** Where the replicas were seen, by slot. */
  readonly addresses: ReadonlyMap<number, ReplicaAddress>;
  /** Ids that a leader refused as removed, with the index of their removal; kept between looks. */
  readonly removed: Map<MemberId, bigint>;
  /** By which name and where peers and clients find what runs in a slot. */
  readonly memberIn: (slot: number) => Pick<TargetMember, "name" | "peerUrl" | "clientUrl">;
}

/**
 * Each may be asked twice: it names what it means by id and configuration index. Rejects with a ReplicaCallError or
 * a StepOutdatedError.
 */
export async function actOnReplicas(step: ReplicaStep, context: ReplicasContext): Promise<void> {
  switch (step.kind) {
    case "bootstrap":
      return replicaIn(step.slot, context).bootstrap(idToWire(step.clusterId), idToWire(step.memberId));
    case "changeMembership":
      return changeMembership(step, context);
    case "transferLeadership":
      return leader(context).transferLeadership(idToWire(step.to));
    case "resetMember": {
      const { slot, clusterId, memberId, removedIndex } = step;
      return replicaIn(slot, context).reset(idToWire(clusterId), idToWire(memberId), removedIndex);
    }
  }
}

async function changeMembership(
  { expectedIndex, target }: ChangeMembership,
  context: ReplicasContext,
): Promise<void> {
  const { input, removed, memberIn } = context;
  const known = new Set((input.configuration?.members ?? []).map(({ id }) => id));
  const members = target.map(({ id, kind, slot }): TargetMember => {
    // What is known of a member stays; a newcomer says where it is.
    if (known.has(id)) return { id: idToWire(id), kind, name: "", peerUrl: "", clientUrl: "" };
    if (slot === undefined) throw new StepOutdatedError(`the new member ${id} is in no slot`);
    return { id: idToWire(id), kind, ...memberIn(slot) };
  });
  try {
    await leader(context).changeMembership(expectedIndex, members);
  } catch (error) {
    // Which of them it is, is not said: newcomers can all draw a new id.
    const newcomers = target.filter(({ id }) => !known.has(id));
    if (isRemovedRefusal(error)) for (const { id } of newcomers) removed.set(id, error.index);
    for (const id of removed.keys()) if (removed.size > removedMax) removed.delete(id);
    throw error;
  }
}

function leader(context: ReplicasContext): ReplicaClient {
  const { input } = context;
  const id = input.configuration?.leader;
  const slot = input.slots.find(({ report }) => report.kind === "member" && report.memberId === id);
  if (slot === undefined) throw new StepOutdatedError("the leader is in no slot that answers");
  return replicaIn(slot.index, context);
}

/** At the address where it was seen: a name may lead to another one by now. */
function replicaIn(slot: number, { addresses }: ReplicasContext): ReplicaClient {
  const address = addresses.get(slot);
  if (address === undefined)
    throw new StepOutdatedError(`the replica in slot ${slot} has no address any more`);
  return new ReplicaClient(address);
}

import type { MemberId, ReplicatedStoreStatus } from "../../api/v1alpha1/types.ts";
import { idToWire } from "../../member/member-id.ts";
import { type ReplicaAddress, ReplicaClient, type TargetMember } from "../../member/replica-client.ts";
import { isRemovedRefusal } from "../../member/replica-error.ts";
import type { Budget, PlanInput } from "../../plan/observation.ts";
import type { ChangeMembership, RestartSlot, Step } from "../../plan/step.ts";
import type { ReplicaSet } from "./replica-set.ts";
import type { Template } from "./template.ts";

/** A step can't be carried out as planned any more: look again. */
export class StepOutdatedError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "StepOutdatedError";
  }
}

export interface ActContext {
  readonly input: PlanInput;
  readonly addresses: ReadonlyMap<number, ReplicaAddress>;
  readonly replicas: ReplicaSet;
  readonly wanted: Template;
  /** Ids that a leader refused as removed, with the index of their removal; kept between looks. */
  readonly removed: Map<MemberId, bigint>;
  /** On disk when it returns. */
  readonly writeStatus: (change: StatusChange) => void;
}

export type StatusChange = {
  readonly [K in keyof ReplicatedStoreStatus]?: ReplicatedStoreStatus[K] | undefined;
};

/**
 * Carries one step out. Each may be done twice: it names what it means by uid, id or configuration index. Rejects
 * with a ReplicaCallError or a StepOutdatedError.
 */
export async function act(step: Step, context: ActContext): Promise<void> {
  const { replicas, wanted, writeStatus } = context;
  switch (step.kind) {
    case "startSlot":
      return replicas.keepThrough(step.slot);
    case "stopSlots":
      return replicas.keepBelow(step.from);
    case "setTemplate":
      return replicas.useTemplate(wanted);
    case "restartSlot":
      return restartSlot(step, context);
    case "deleteClaim":
      return replicas.deleteClaim(step.slot, step.uid);
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
      return replicas.setBudget({ minAvailable: step.minAvailable, voters: step.voters });
    case "latch":
      return writeStatus({ change: step.change });
    case "clearLatch":
      return writeStatus({ change: undefined });
    case "recordBootstrap":
      return writeStatus({ bootstrap: step.bootstrap });
    case "recordClusterId":
      return writeStatus({ clusterId: step.clusterId });
    case "recordScaleOut":
      return writeStatus({ scaleOut: step.scaleOut });
    case "event":
      // Conditions and findings say the same, and are shown.
      return;
    case "finishDeletion":
      throw new StepOutdatedError("a local store is never deleted while it runs");
  }
}

function restartSlot({ slot, replicaUid, how }: RestartSlot, { input, replicas }: ActContext): void {
  if (how === "evict" && input.budget !== undefined && !mayEvict(input, input.budget, slot)) {
    throw new StepOutdatedError(`the process of slot ${slot} can't be spared now: too few others are ready`);
  }
  replicas.restart(slot, replicaUid, how);
}

/** As an Eviction is judged: what is not ready may always go. */
function mayEvict({ slots }: PlanInput, { minAvailable, voters }: Budget, victim: number): boolean {
  const isReady = (index: number): boolean =>
    slots.some(({ index: at, replica }) => at === index && replica?.ready === true && !replica.deleting);
  if (!voters.includes(victim) || !isReady(victim)) return true;
  return voters.filter(isReady).length - 1 >= minAvailable;
}

async function changeMembership(
  { expectedIndex, target }: ChangeMembership,
  context: ActContext,
): Promise<void> {
  const { input, replicas, removed } = context;
  const known = new Set((input.configuration?.members ?? []).map(({ id }) => id));
  const members = target.map(({ id, kind, slot }): TargetMember => {
    // What is known of a member stays; a newcomer says where it is.
    if (known.has(id)) return { id: idToWire(id), kind, name: "", peerUrl: "", clientUrl: "" };
    if (slot === undefined) throw new StepOutdatedError(`the new member ${id} is in no slot`);
    const { name, peerUrl, clientUrl } = replicas.address(slot);
    return { id: idToWire(id), kind, name, peerUrl, clientUrl };
  });
  try {
    await leader(context).changeMembership(expectedIndex, members);
  } catch (error) {
    const newcomers = target.filter(({ id }) => !known.has(id));
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

function replicaIn(slot: number, { addresses }: ActContext): ReplicaClient {
  const address = addresses.get(slot);
  if (address === undefined) throw new StepOutdatedError(`no replica runs in slot ${slot} any more`);
  return new ReplicaClient(address);
}

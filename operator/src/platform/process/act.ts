import type { Budget, PlanInput } from "../../plan/observation.ts";
import type { RestartSlot, Step } from "../../plan/step.ts";
import { actOnReplicas, type ReplicasContext } from "../act-on-replicas.ts";
import { askAgain } from "../ask-again.ts";
import { type StatusChange, statusChange } from "../status-change.ts";
import { StepOutdatedError } from "../step-outdated-error.ts";
import type { ReplicaSet } from "./replica-set.ts";
import type { Template } from "./template.ts";

export interface ActContext extends ReplicasContext {
  readonly replicas: ReplicaSet;
  readonly wanted: Template;
  /** On disk when it returns. */
  readonly writeStatus: (change: StatusChange) => void;
}

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
      await askAgain(step.slot, context);
      return replicas.deleteClaim(step.slot, step.uid);
    case "bootstrap":
    case "changeMembership":
    case "transferLeadership":
    case "resetMember":
      return actOnReplicas(step, context);
    case "setBudget":
      return replicas.setBudget({ minAvailable: step.minAvailable, voters: step.voters });
    case "latch":
    case "clearLatch":
    case "recordBootstrap":
    case "recordClusterId":
    case "recordScaleOut":
      return writeStatus(statusChange(step));
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

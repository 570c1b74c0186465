import type { Step } from "../step.ts";

/** A step in one line: what, and why. */
export function describeStep(step: Step): string {
  return `${whatOf(step)} # ${step.reason}`;
}

function whatOf(step: Step): string {
  switch (step.kind) {
    case "startSlot":
      return `${step.kind} ${step.slot}`;
    case "stopSlots":
      return `stopSlots from ${step.from}`;
    case "restartSlot":
      return `restartSlot ${step.slot} ${step.replicaUid} ${step.how}`;
    case "deleteClaim":
      return `deleteClaim ${step.slot} ${step.uid}`;
    case "bootstrap":
      return `bootstrap slot ${step.slot} member ${step.memberId} cluster ${step.clusterId}`;
    case "changeMembership": {
      const names = (kind: string): string =>
        step.target.flatMap((member) => (member.kind === kind ? [member.id] : [])).join(" ");
      const learners = names("learner");
      return `changeMembership @${step.expectedIndex} voters ${names("voter")}${learners === "" ? "" : ` learners ${learners}`}`;
    }
    case "transferLeadership":
      return `transferLeadership ${step.to}`;
    case "resetMember":
      return `resetMember slot ${step.slot} ${step.memberId} removed at ${step.removedIndex}`;
    case "setBudget":
      return `setBudget ${step.minAvailable} of ${step.voters.join(" ")}`;
    case "setTemplate":
      return `setTemplate ${step.hash}`;
    case "latch": {
      const { kind, slot, uid, voters, configurationIndex, triedTime } = step.change;
      const what = voters === undefined ? `slot ${slot} ${uid}` : voters.join(" ");
      const tried = triedTime === undefined ? "" : ` tried ${triedTime}`;
      return `latch ${kind} ${what} @${configurationIndex}${tried}`;
    }
    case "clearLatch":
    case "finishDeletion":
      return step.kind;
    case "recordBootstrap":
      return `recordBootstrap ${step.bootstrap.clusterId} ${step.bootstrap.memberId}`;
    case "recordClusterId":
      return `recordClusterId ${step.clusterId}`;
    case "recordScaleOut":
      return `recordScaleOut ${JSON.stringify(step.scaleOut ?? null)}`;
    case "event":
      return `event ${step.type} ${step.eventReason}`;
  }
}

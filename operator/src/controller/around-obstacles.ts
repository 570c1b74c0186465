import type { Finding } from "../plan/outcome.ts";
import type { Plan } from "../plan/plan.ts";
import type { Obstacle } from "../platform/kubernetes/ownership.ts";

interface Situation {
  readonly obstacles: readonly Obstacle[];
  readonly names: { readonly peerService: string };
  readonly isFounded: boolean;
  readonly deleting: boolean;
}

/** Looks for a while until others let go of a name: nothing tells of objects without the store's labels. */
const LOOK_AGAIN_SECONDS = 10;

/** What can be done of a plan while others have names that the store needs, and what is told of it. */
export function aroundObstacles(plan: Plan, { obstacles, names, isFounded, deleting }: Situation): Plan {
  // What is to be deleted needs none of them.
  if (obstacles.length === 0 || deleting) return plan;
  const isTaken = (kind: string, name?: string): boolean =>
    obstacles.some((one) => one.kind === kind && (name === undefined || one.name === name));
  // Members find each other by the names that this Service gives them: before there are any, it is waited for.
  const isStopped = isTaken("StatefulSet") || (!isFounded && isTaken("Service", names.peerService));
  const isPaused = plan.findings.some(({ reason }) => reason === "Paused");
  const found = obstacles.filter(({ isPassing }) => !isPassing || !isPaused).map(findingOf);
  const steps = isStopped
    ? []
    : plan.steps.filter(({ kind }) => kind !== "setBudget" || !isTaken("PodDisruptionBudget"));
  const isResting =
    isStopped || (steps.length === 0 && plan.findings.every(({ level }) => level !== "progress"));
  return {
    steps,
    findings: isStopped ? [...found, ...plan.findings] : [...plan.findings, ...found],
    // A plan that can't be carried out is no reason to hurry.
    requeueAfterSeconds: isResting
      ? LOOK_AGAIN_SECONDS
      : Math.min(LOOK_AGAIN_SECONDS, plan.requeueAfterSeconds),
  };
}

function findingOf({ isPassing, message }: Obstacle): Finding {
  return { level: isPassing ? "progress" : "trouble", reason: "NameTaken", message };
}

import type { SafetyChecks } from "../check/types.ts";
import { OperatorLiveness } from "../operator/operator-liveness.ts";
import type { SimulatedOperator } from "../operator/simulated-operator.ts";
import type { FaultInjector } from "../plan/fault-injector.ts";
import type { Plan } from "../plan/types.ts";
import type { Workload } from "../workload/types.ts";
import type { World } from "../world/world.ts";
import { foundCluster } from "./found-cluster.ts";
import { Liveness } from "./liveness.ts";
import type { ReplicaCluster } from "./replica-cluster.ts";
import { resetRemovedMembers } from "./reset-removed.ts";

export interface PhaseParts {
  readonly plan: Plan;
  readonly world: World;
  readonly cluster: ReplicaCluster;
  readonly checks: SafetyChecks;
  readonly workload: Workload;
  readonly faults: FaultInjector;
  /** Set: it founds the cluster and looks after it. */
  readonly operator: SimulatedOperator | undefined;
  /** Steps between two full checks. */
  readonly checkEvery: number;
  readonly isSafetyOnly: boolean;
}

/** In which a cluster is founded, if nothing goes wrong on purpose. */
const FOUNDING_MAX_MS = 60_000;
/** How many runs have their faults from the first moment on. */
const EARLY_FAULTS_CHANCE = 0.1;
const EARLY_FAULTS_OF_OPERATOR_CHANCE = 0.4;
/** The last operations end by their deadlines. */
const DRAIN_MAX_MS = 60_000;

/** One run from the founding of its cluster to the end of the liveness phase. Answers the note of the result. */
export function runPhases(parts: PhaseParts): string | undefined {
  const { operator } = parts;
  return operator === undefined ? runStore(parts) : runOperator(parts, operator);
}

/** The operator founds the cluster, beside faults at times, and must bring everything about in the end. */
function runOperator(parts: PhaseParts, operator: SimulatedOperator): string | undefined {
  const { plan, world, cluster, workload, faults } = parts;
  const faultsFromStart = world.random("run").chance(EARLY_FAULTS_OF_OPERATOR_CHANCE);
  const beginFaults = (): void => {
    world.at(0, () => operator.beginFaults());
    faults.schedule(plan.faults);
  };
  world.at(0, () => operator.start());
  if (faultsFromStart) beginFaults();
  runUntil(parts, FOUNDING_MAX_MS * 1000, () => operator.isFounded || faultsFromStart);
  if (!operator.isFounded && !faultsFromStart && world.violation === undefined) {
    world.fail(
      "founds",
      `no cluster of ${plan.shape.members} after ${FOUNDING_MAX_MS / 1000} s without faults`,
    );
  }
  if (!faultsFromStart) beginFaults();
  workload.start(cluster);
  runUntil(parts, world.nowUs + plan.shape.durationMs * 1000, () => false);
  workload.end();
  runUntil(parts, world.nowUs + DRAIN_MAX_MS * 1000, () => workload.isIdle);
  if (!parts.isSafetyOnly && world.violation === undefined) {
    const liveness = new OperatorLiveness({ cluster, faults, operator });
    world.at(0, () => liveness.begin());
    runUntil(parts, Number.MAX_SAFE_INTEGER, () => liveness.isOver);
  }
  if (world.violation !== undefined) return undefined;
  parts.checks.full(cluster, true);
  workload.check();
  return undefined;
}

function runStore(parts: PhaseParts): string | undefined {
  const { plan, world, cluster, workload, faults } = parts;
  const random = world.random("run");
  const faultsFromStart = random.chance(EARLY_FAULTS_CHANCE);
  const durationUs = plan.shape.durationMs * 1000;
  let founded = false;
  world.at(0, () => {
    for (const slot of cluster.slots) slot.start();
    void foundCluster(cluster, (member) => faults.losses.isLost(member)).then(() => {
      founded = true;
    });
  });
  if (faultsFromStart) faults.schedule(plan.faults);
  const foundingUs = FOUNDING_MAX_MS * 1000 + (faultsFromStart ? durationUs : 0);
  runUntil(parts, foundingUs, () => founded);
  if (!founded && world.violation === undefined) {
    if (faultsFromStart) return "never founded: faults from the start";
    world.fail(
      "founds",
      `no cluster of ${plan.shape.members} after ${FOUNDING_MAX_MS / 1000} s without faults`,
    );
  }
  if (world.violation !== undefined) return undefined;
  world.say("run", () => "founded");
  if (!faultsFromStart) faults.schedule(plan.faults);
  resetRemovedMembers(cluster);
  workload.start(cluster);
  runUntil(parts, world.nowUs + durationUs, () => false);
  workload.end();
  runUntil(parts, world.nowUs + DRAIN_MAX_MS * 1000, () => workload.isIdle);
  const note = parts.isSafetyOnly ? undefined : runLiveness(parts);
  parts.checks.full(cluster, true);
  workload.check();
  return note;
}

function runLiveness(parts: PhaseParts): string | undefined {
  const { world, cluster, faults } = parts;
  if (world.violation !== undefined) return undefined;
  const liveness = new Liveness({ cluster, faults, random: world.random("liveness") });
  world.at(0, () => liveness.begin());
  runUntil(parts, Number.MAX_SAFE_INTEGER, () => liveness.isOver);
  return liveness.phase === "lost" ? "no majority was left to converge" : undefined;
}

/** Event after event, each checked, until done, too late, or something is violated. */
function runUntil(
  { world, cluster, checks, checkEvery }: PhaseParts,
  untilUs: number,
  isDone: () => boolean,
) {
  while (world.violation === undefined && !isDone() && cluster.step(untilUs)) {
    checks.afterStep(cluster);
    if (world.steps % checkEvery === 0) checks.full(cluster);
  }
}

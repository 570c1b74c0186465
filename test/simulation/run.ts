import { Safety } from "./check/safety.ts";
import { LaunchedReplica } from "./cluster/launch-replica.ts";
import { ReplicaCluster } from "./cluster/replica-cluster.ts";
import { drawSettings } from "./cluster/replica-settings.ts";
import { runPhases } from "./cluster/run-phases.ts";
import { watchRejections } from "./cluster/watch-rejections.ts";
import { SimulatedDisk } from "./disk/sim-disk.ts";
import { createSimNetwork } from "./network/sim-network.ts";
import { SimulatedOperator } from "./operator/simulated-operator.ts";
import { FaultInjector } from "./plan/fault-injector.ts";
import { PeerMemory } from "./plan/peer-memory.ts";
import type { Plan, RunOptions, RunResult } from "./plan/types.ts";
import { ClientWorkload } from "./workload/client-workload.ts";
import { Coverage } from "./world/coverage.ts";
import { World } from "./world/world.ts";

/** Steps between two full checks. */
const CHECK_EVERY = 100;
/** Lines of the transcript that a violation is shown with. */
const LAST_EVENTS = 60;

/**
 * Carries out a plan from its first to its last event. What it finds is told with the last events: without a
 * transcript by running it a second time. Called within {@link fromEventLoop}.
 */
export function runPlan(plan: Plan, options: RunOptions): RunResult {
  const last: string[] = [];
  const keep = (line: string): void => {
    options.transcript?.(line);
    last.push(line);
    if (last.length > 2 * LAST_EVENTS) last.splice(0, LAST_EVENTS);
  };
  const result = runOnce(plan, options, options.transcript === undefined ? undefined : keep);
  if (result.violation === undefined || options.isBrief === true) return result;
  if (options.transcript === undefined) {
    const again = runOnce(plan, options, keep);
    if (again.traceHash !== result.traceHash) last.push("the second run of this seed was another one");
  }
  return { ...result, lastEvents: last.slice(-LAST_EVENTS) };
}

function runOnce(
  plan: Plan,
  { isSafetyOnly = false }: RunOptions,
  transcript: ((line: string) => void) | undefined,
): RunResult {
  const { seed } = plan;
  const coverage = new Coverage();
  const world = new World({ seed, coverage, transcript });
  const note = watchRejections(world, () =>
    runPhases({ plan, world, isSafetyOnly, ...assemble(plan, world) }),
  );
  return {
    plan,
    violation: world.violation,
    traceHash: world.traceHash,
    simulatedMs: Math.round(world.nowUs / 1000),
    steps: world.steps,
    coverage: coverage.entries(),
    note,
    lastEvents: [],
  };
}

function assemble({ shape }: Plan, world: World) {
  const settings = drawSettings(shape, world.random("settings"));
  const memory = new PeerMemory();
  const slots = new Map(Array.from({ length: shape.slots }, (_, i) => [`http://r${i}:4101`, i]));
  const network = createSimNetwork({
    world,
    weather: shape.network,
    throughCodecs: shape.throughCodecs,
    slotOf: (peerUrl) => slots.get(peerUrl),
    lifeOf: (slot) => cluster.slots[slot]?.life,
  });
  const admitted: Safety["admitted"] = (...admission) => checks.admitted(...admission);
  const cluster: ReplicaCluster = new ReplicaCluster({
    world,
    shape,
    network,
    createDisk: (slot) => new SimulatedDisk({ world, name: `r${slot}`, weather: shape.disk }),
    launch: (parts) => new LaunchedReplica({ world, network, settings, memory, admitted }, parts),
  });
  const faults = new FaultInjector(cluster, memory);
  const operator =
    shape.operator && new SimulatedOperator({ cluster, shape: shape.operator, losses: faults.losses });
  if (operator !== undefined) faults.operator = operator;
  const { promoteMaxLagEntries, electionTimeoutMs } = settings.config;
  const checks: Safety = new Safety(cluster, { promoteMaxLagEntries, electionTimeoutMs });
  const workload = new ClientWorkload({
    acknowledged: (revision) => checks.acknowledged(revision),
    isLost: (memberId) => faults.losses.isLost(memberId),
  });
  return { cluster, faults, checks, workload, operator, checkEvery: CHECK_EVERY };
}

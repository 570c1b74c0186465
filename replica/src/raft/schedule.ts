import { AssertionError } from "../assert.ts";
import { InvariantViolation } from "./schedule-check.ts";
import { ScheduleCluster } from "./schedule-cluster.ts";
import { checkConvergence, describeCluster } from "./schedule-convergence.ts";
import { type Schedule, ScheduleOperator } from "./schedule-operations.ts";

/**
 * Runs a schedule from its beginning, then heals the cluster. Throws with what is broken; the same schedule
 * always ends the same way. Returns the cluster for tests of the harness itself.
 */
export function runSchedule(schedule: Schedule): ScheduleCluster {
  const cluster = new ScheduleCluster(schedule);
  const operator = new ScheduleOperator(cluster);
  let at = 0;
  try {
    operator.do({ op: "run", rounds: schedule.calmRounds, quality: 0, disk: 0, salt: schedule.seed });
    for (const operation of schedule.operations) {
      operator.do(operation);
      at += 1;
    }
    checkConvergence(cluster, operator, schedule.seed);
  } catch (error) {
    const operation = schedule.operations[at];
    const where = operation === undefined ? "after the schedule" : `in operation ${at}, ${operation.op}`;
    const kind =
      error instanceof InvariantViolation ? "" : error instanceof AssertionError ? "assertion: " : "threw: ";
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(`${kind}${message}\n${where}\n${describeCluster(cluster)}`, { cause: error });
  }
  return cluster;
}

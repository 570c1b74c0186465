import { checkBatches } from "./check-batches.ts";
import { checkCompaction } from "./check-compaction.ts";
import { checkRealTime } from "./check-real-time.ts";
import { checkReplicas } from "./check-replicas.ts";
import { checkStates } from "./check-states.ts";
import { describeOperation } from "./describe-operation.ts";
import { keyHistories } from "./key-histories.ts";
import { kvModel } from "./kv-model.ts";
import { checkLinearizable, type LinearizabilityOptions } from "./linearizability.ts";
import type { Operation } from "./operation.ts";
import type { HistoryProblem } from "./problem.ts";
import { settleObserved } from "./settle-observed.ts";
import { Timeline } from "./timeline.ts";

export interface HistoryOptions extends LinearizabilityOptions {
  /** Up to this revision the operations are all that was ever done to the store; 0n: others wrote as well. */
  readonly accountedThrough?: bigint;
}

/**
 * Everything that must hold of a history of the whole store; empty when it does. Two ways lead to it: a search
 * for an order of each key's operations, which needs no revisions, and the order that revisions give to all
 * keys, which must agree with time and with every answer.
 */
export function checkHistory(
  operations: readonly Operation[],
  options: HistoryOptions = {},
): HistoryProblem[] {
  const settled = settleObserved(operations);
  const timeline = new Timeline(settled);
  return [
    ...timeline.problems,
    ...checkStates(timeline),
    ...checkRealTime(timeline, Number(options.accountedThrough ?? 0n)),
    ...checkBatches(settled),
    ...checkReplicas(settled),
    ...checkCompaction(settled),
    ...checkKeys(settled, options),
  ];
}

/** The operations of each key, those of ranges left out. */
export function byKey(operations: readonly Operation[]): Map<string, Operation[]> {
  const keys = new Map<string, Operation[]>();
  for (const operation of operations) {
    if (!("key" in operation.input)) continue;
    const { key } = operation.input;
    const found = keys.get(key);
    if (found === undefined) keys.set(key, [operation]);
    else found.push(operation);
  }
  return keys;
}

/** `operations`: after settleObserved. */
export function checkKeys(
  operations: readonly Operation[],
  options: LinearizabilityOptions,
): HistoryProblem[] {
  const problems: HistoryProblem[] = [];
  for (const [key, history] of keyHistories(operations)) {
    const verdict = checkLinearizable(kvModel, history, options);
    if (verdict.type === "undecided") {
      problems.push({ kind: "undecided", message: `${key}: no verdict after ${verdict.steps} steps` });
    } else if (verdict.type === "violation") {
      const lines = [
        `${key} is not linearizable. The longest linearization ends with`,
        ...verdict.prefix.slice(-8).map(({ whole }) => `  ${describeOperation(whole)}`),
        "and none of these can follow:",
        ...verdict.stuck.slice(0, 12).map(({ whole }) => `  ${describeOperation(whole)}`),
      ];
      problems.push({ kind: "not-linearizable", message: lines.join("\n") });
    }
  }
  return problems;
}

import { checkBatches } from "./check-batches.ts";
import { checkCompaction } from "./check-compaction.ts";
import { checkRealTime } from "./check-real-time.ts";
import { checkReplicas } from "./check-replicas.ts";
import { checkStates } from "./check-states.ts";
import { describeOperation } from "./describe-operation.ts";
import { keyHistories } from "./key-histories.ts";
import { createKvModel, type Facts } from "./kv-model.ts";
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
    ...checkCompaction(settled),
    ...checkBatches(timeline),
    ...checkReplicas(settled),
    ...checkStates(timeline),
    ...checkRealTime(timeline, Number(options.accountedThrough ?? 0n)),
    ...checkKeys(timeline, options),
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

function checkKeys(timeline: Timeline, options: LinearizabilityOptions): HistoryProblem[] {
  const problems: HistoryProblem[] = [];
  for (const [key, history] of keyHistories(timeline.operations)) {
    const model = createKvModel(factsOf(timeline, key));
    const verdict = checkLinearizable(model, history, options);
    if (verdict.type === "linearizable") continue;
    const { prefix, stuck } = verdict;
    const isDecided = verdict.type === "violation";
    const lines = [
      isDecided ? `${key} is not linearizable` : `${key}: no verdict after ${verdict.steps} steps`,
      "The longest linearization ends with",
      ...prefix.slice(-8).map(({ whole }) => `  ${describeOperation(whole)}`),
      "and none of these can follow:",
      ...stuck
        .filter(({ returned }) => Number.isFinite(returned))
        .slice(0, 12)
        .map(({ whole }) => `  ${describeOperation(whole)}`),
    ];
    problems.push({ kind: isDecided ? "not-linearizable" : "undecided", message: lines.join("\n") });
  }
  return problems;
}

function factsOf(timeline: Timeline, key: string): Facts {
  return {
    // The empty store has the first revision.
    free: (from, to) => timeline.free(Math.max(1, Number(from)), Math.max(1, Number(to))),
    nextChange(revision) {
      const next = timeline.nextOwned(key, Number(revision));
      return next === undefined ? undefined : BigInt(next);
    },
    seenAt: (modRevision) => timeline.seenAt(modRevision),
  };
}

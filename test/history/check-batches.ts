import type { Operation } from "./operation.ts";
import { type HistoryProblem, problemOf } from "./problem.ts";
import { changeOf } from "./timeline.ts";

/** The operations of one call are applied one right after another, with nothing in between. */
export function checkBatches(operations: readonly Operation[]): HistoryProblem[] {
  const calls = new Map<number, Operation[]>();
  for (const operation of operations) {
    if (operation.call === undefined) continue;
    const call = calls.get(operation.call);
    if (call === undefined) calls.set(operation.call, [operation]);
    else call.push(operation);
  }
  return [...calls.values()].flatMap(checkBatch);
}

function checkBatch(call: readonly Operation[]): HistoryProblem[] {
  let before: Operation | undefined;
  /** Changes since `before` that certainly were made, and that may have been. */
  let certain = 0;
  let possible = 0;
  for (const operation of call) {
    const { input, output } = operation;
    if (output.type === "unknown") {
      possible += 1;
      // All of a call is applied, or nothing: an unconditional put cannot but change something.
      if (input.type === "put" && input.expected === undefined) certain += 1;
      continue;
    }
    const revision = changeOf(operation);
    if (revision === undefined) continue;
    const last = before === undefined ? undefined : changeOf(before);
    if (last !== undefined && (revision <= last + certain || revision > last + possible + 1)) {
      return [problemOf("torn-batch", "of one call, and yet something is in between", before, operation)];
    }
    before = operation;
    certain = 0;
    possible = 0;
  }
  return [];
}

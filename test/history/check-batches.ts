import type { Operation } from "./operation.ts";
import { type HistoryProblem, problemOf } from "./problem.ts";
import { changeOf, type Timeline } from "./timeline.ts";

/** The operations of one call are applied one right after another, with nothing in between, or none is. */
export function checkBatches(timeline: Timeline): HistoryProblem[] {
  const calls = new Map<number, Operation[]>();
  for (const operation of timeline.operations) {
    if (operation.call === undefined) continue;
    const call = calls.get(operation.call);
    if (call === undefined) calls.set(operation.call, [operation]);
    else call.push(operation);
  }
  return [...calls.values()].flatMap((call) => [...checkOrder(call), ...checkNeighbours(timeline, call)]);
}

function checkOrder(call: readonly Operation[]): HistoryProblem[] {
  let before: Operation | undefined;
  /** Changes since `before` that certainly were made, and that may have been. */
  let certain = 0;
  let possible = 0;
  for (const operation of call) {
    if (operation.output.type === "unknown") {
      possible += 1;
      if (isCertain(operation)) certain += 1;
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

/** Where one of a call was seen, the put next to it has been applied too: its revision is nobody else's. */
function checkNeighbours(timeline: Timeline, call: readonly Operation[]): HistoryProblem[] {
  const problems: HistoryProblem[] = [];
  for (const [at, operation] of call.entries()) {
    const revision = changeOf(operation);
    if (revision === undefined) continue;
    for (const step of [-1, 1]) {
      const neighbour = call[at + step];
      if (neighbour === undefined || neighbour.output.type !== "unknown" || !isCertain(neighbour)) continue;
      const owner = timeline.owners.get(revision + step);
      if (owner === undefined) continue;
      const what = `of one call, and yet revision ${revision + step} is another's`;
      problems.push(problemOf("torn-batch", what, operation, neighbour, owner));
    }
  }
  return problems;
}

/** Applied, it cannot but change something. */
function isCertain({ input }: Operation): boolean {
  return input.type === "put" && input.expected === undefined;
}

import { type Operation, readInputOf } from "./operation.ts";
import { type HistoryProblem, problemOf } from "./problem.ts";

/** One life of a replica never shows an older state than it has shown, and none older than it was asked for. */
export function checkReplicas(operations: readonly Operation[]): HistoryProblem[] {
  const problems: HistoryProblem[] = [];
  const served = operations.filter(
    (operation) => operation.served !== undefined && atOf(operation) !== undefined,
  );
  served.sort((a, b) => a.served!.order - b.served!.order);
  const newest = new Map<string, Operation>();
  for (const operation of served) {
    const life = `${operation.served!.replica}.${operation.served!.life}`;
    const before = newest.get(life);
    if (before !== undefined && atOf(operation)! < atOf(before)!) {
      problems.push(problemOf("serializable-goes-back", "a replica went back", before, operation));
    } else {
      newest.set(life, operation);
    }
  }
  for (const operation of operations) {
    const wanted = readInputOf(operation.input)?.minRevision;
    const at = atOf(operation);
    if (wanted === undefined || at === undefined || at >= wanted) continue;
    problems.push(problemOf("at-least-revision", `answered from ${at}, asked for ${wanted}`, operation));
  }
  return problems;
}

/** The store's revision when it answered. */
function atOf({ output }: Operation): bigint | undefined {
  return output.type === "read" || output.type === "ranged" ? output.at : undefined;
}

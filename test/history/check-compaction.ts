import { Frontier } from "./frontier.ts";
import { type Operation, readInputOf } from "./operation.ts";
import { type HistoryProblem, problemOf } from "./problem.ts";

/**
 * What is compacted is refused: by linearizable reads as soon as anybody knows of the compaction. And nothing
 * is refused that nobody compacted.
 */
export function checkCompaction(operations: readonly Operation[]): HistoryProblem[] {
  const attempts = new Map<bigint, number>();
  for (const { input, output, invoked } of operations) {
    if (input.type !== "compact" || (output.type !== "compacted" && output.type !== "unknown")) continue;
    attempts.set(input.revision, Math.min(invoked, attempts.get(input.revision) ?? invoked));
  }
  const compacted = new Frontier(operations, oldestShown);
  return operations.flatMap((operation) => {
    const known = compacted.before(operation.invoked);
    const below = checkBelow(operation, BigInt(known.revision));
    if (below !== undefined) return [problemOf("compaction", below, known.operation, operation)];
    const refusal = checkRefusal(operation, attempts);
    return refusal === undefined ? [] : [problemOf("compaction", refusal, operation)];
  });
}

function oldestShown({ input, output }: Operation): number {
  if (output.type === "too-old") return Number(output.oldest);
  return output.type === "compacted" && input.type === "compact" ? Number(input.revision) : 0;
}

function checkBelow({ input, output }: Operation, oldest: bigint): string | undefined {
  if (input.type === "compact") {
    const again = output.type === "compacted" && input.revision <= oldest;
    return again ? `compacted at ${input.revision}, below ${oldest}` : undefined;
  }
  const read = readInputOf(input);
  if (read?.revision === undefined || read.consistency === "serializable") return undefined;
  if (output.type !== "read" && output.type !== "ranged") return undefined;
  return read.revision < oldest ? `read at ${read.revision}, compacted at ${oldest}` : undefined;
}

function checkRefusal(
  { input, output, returned }: Operation,
  attempts: ReadonlyMap<bigint, number>,
): string | undefined {
  if (output.type !== "too-old") return undefined;
  const invoked = attempts.get(output.oldest);
  if (invoked === undefined || invoked > returned) return `nobody compacted at ${output.oldest}`;
  const wanted = input.type === "compact" ? input.revision - 1n : readInputOf(input)?.revision;
  return wanted === undefined || wanted >= output.oldest ? "refused though it is not compacted" : undefined;
}

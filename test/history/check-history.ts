import { kvModel, settleObserved } from "./kv-model.ts";
import { checkLinearizable, type LinearizabilityOptions } from "./linearizability.ts";
import { describeOperation, type Operation } from "./operation.ts";

export interface HistoryProblem {
  readonly kind: "not-linearizable" | "undecided" | "revisions" | "refused-but-applied";
  readonly message: string;
}

/** Everything that must hold of a history of the whole store; empty when it does. */
export function checkHistory(
  operations: readonly Operation[],
  options: LinearizabilityOptions = {},
): HistoryProblem[] {
  return [...checkRefused(operations), ...checkRevisions(operations), ...checkKeys(operations, options)];
}

export function byKey(operations: readonly Operation[]): Map<string, Operation[]> {
  const keys = new Map<string, Operation[]>();
  for (const operation of operations) {
    const found = keys.get(operation.input.key);
    if (found === undefined) keys.set(operation.input.key, [operation]);
    else found.push(operation);
  }
  return keys;
}

function checkKeys(operations: readonly Operation[], options: LinearizabilityOptions): HistoryProblem[] {
  const problems: HistoryProblem[] = [];
  for (const [key, history] of byKey(operations)) {
    const relevant = history.filter(({ output, input }) => matters(input.type, output.type));
    const verdict = checkLinearizable(kvModel, settleObserved(relevant), options);
    if (verdict.type === "undecided") {
      problems.push({ kind: "undecided", message: `${key}: no verdict after ${verdict.steps} steps` });
    } else if (verdict.type === "violation") {
      const lines = [
        `${key} is not linearizable. The longest linearization ends with`,
        ...verdict.prefix.slice(-8).map((operation) => `  ${describeOperation(operation)}`),
        "and none of these can follow:",
        ...verdict.stuck.slice(0, 12).map((operation) => `  ${describeOperation(operation)}`),
      ];
      problems.push({ kind: "not-linearizable", message: lines.join("\n") });
    }
  }
  return problems;
}

/** What was certainly not applied, and reads without an answer, constrain nothing. */
function matters(input: Operation["input"]["type"], output: Operation["output"]["type"]): boolean {
  return output !== "not-applied" && !(input === "get" && output === "unknown");
}

/** No read returns the value of a put that was refused as not applied. Values must be unique. */
function checkRefused(operations: readonly Operation[]): HistoryProblem[] {
  const refused = new Map<string, Operation>();
  for (const operation of operations) {
    const { input, output } = operation;
    const certain = output.type === "not-applied" || output.type === "mismatch";
    if (input.type === "put" && certain) refused.set(`${input.key}=${input.value}`, operation);
  }
  const problems: HistoryProblem[] = [];
  for (const operation of operations) {
    const { input, output } = operation;
    if (output.type !== "read" || output.seen === undefined) continue;
    const put = refused.get(`${input.key}=${output.seen.value}`);
    if (put === undefined) continue;
    const message = `refused and yet read:\n  ${describeOperation(put)}\n  ${describeOperation(operation)}`;
    problems.push({ kind: "refused-but-applied", message });
  }
  return problems;
}

/**
 * Over all keys: no two changes share a revision, and a change that was acknowledged before another was
 * invoked has the lower one.
 */
function checkRevisions(operations: readonly Operation[]): HistoryProblem[] {
  const changes = operations.flatMap((operation) =>
    operation.output.type === "written" ? [{ operation, revision: operation.output.revision }] : [],
  );
  changes.sort((a, b) => (a.revision < b.revision ? -1 : a.revision > b.revision ? 1 : 0));
  const problems: HistoryProblem[] = [];
  let latest: (typeof changes)[number] | undefined;
  for (const [at, change] of changes.entries()) {
    const before = changes[at - 1];
    if (before?.revision === change.revision) {
      problems.push(revisionProblem("two changes share a revision", before.operation, change.operation));
    }
    if (latest !== undefined && change.operation.returned < latest.operation.invoked) {
      problems.push(revisionProblem("revisions go back", latest.operation, change.operation));
    }
    if (latest === undefined || change.operation.invoked > latest.operation.invoked) latest = change;
  }
  return problems;
}

function revisionProblem(what: string, a: Operation, b: Operation): HistoryProblem {
  return { kind: "revisions", message: `${what}:\n  ${describeOperation(a)}\n  ${describeOperation(b)}` };
}

import { describeOperation } from "./describe-operation.ts";
import type { Operation } from "./operation.ts";

export type ProblemKind =
  /** Of one key: no order of the operations that time allows explains the answers. */
  | "not-linearizable"
  /** The search for such an order was given up. */
  | "undecided"
  /** A write that was refused as not applied was seen. */
  | "refused-but-seen"
  /** A value that nobody had written by then. */
  | "unwritten-value"
  /** One write has two revisions. */
  | "applied-twice"
  /** Two writes have one revision. */
  | "revision-reuse"
  /** Done after another, and yet with a lower revision. */
  | "revision-order"
  /** A change that no operation explains. */
  | "unaccounted-revision"
  /** A compare-and-set passed against another revision, or failed against its own. */
  | "wrong-compare"
  /** The store at a revision is not what its changes made it. */
  | "wrong-state"
  /** Older than what was acknowledged before the read began. */
  | "stale-read"
  | "at-least-revision"
  /** A replica showed an older state than before, within one life. */
  | "serializable-goes-back"
  /** The answer contradicts the question: order, limit, bounds. */
  | "malformed-range"
  /** Operations of one call were not applied together, in order. */
  | "torn-batch"
  /** Read below a compaction, or refused without one. */
  | "compaction";

export interface HistoryProblem {
  readonly kind: ProblemKind;
  readonly message: string;
}

export function problemOf(
  kind: ProblemKind,
  what: string,
  ...operations: readonly (Operation | undefined)[]
): HistoryProblem {
  const lines = operations.flatMap((operation) =>
    operation === undefined ? [] : [`  ${describeOperation(operation)}`],
  );
  return { kind, message: [lines.length === 0 ? what : `${what}:`, ...lines].join("\n") };
}

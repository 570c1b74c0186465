import { type ErrorDetail, Outcome as WireOutcome, Reason as WireReason } from "@rstore/proto/rstore/v1/kv";
import type { ErrorFacts, Reason } from "./errors.ts";

const reasonFromWireTable: Readonly<Record<WireReason, Reason>> = {
  [WireReason.UNSPECIFIED]: "internal",
  [WireReason.INVALID_ARGUMENT]: "invalid-argument",
  [WireReason.NOT_LEADER]: "not-leader",
  [WireReason.NO_LEADER]: "no-leader",
  [WireReason.NO_QUORUM]: "no-quorum",
  [WireReason.COMPACTED]: "compacted",
  [WireReason.FUTURE_REVISION]: "future-revision",
  [WireReason.COMPARE_FAILED]: "compare-failed",
  [WireReason.TOO_LARGE]: "too-large",
  [WireReason.LIMIT_EXCEEDED]: "limit-exceeded",
  [WireReason.NO_SPACE]: "no-space",
  [WireReason.DEADLINE_EXCEEDED]: "deadline-exceeded",
  [WireReason.OUTCOME_UNKNOWN]: "outcome-unknown",
  [WireReason.NOT_INITIALIZED]: "not-initialized",
  [WireReason.MEMBER_REMOVED]: "member-removed",
  [WireReason.WRONG_CLUSTER]: "wrong-cluster",
  [WireReason.WRONG_MEMBER]: "wrong-member",
  [WireReason.CONFIGURATION_MISMATCH]: "configuration-mismatch",
  [WireReason.CHANGE_IN_PROGRESS]: "change-in-progress",
  [WireReason.LEARNER_NOT_READY]: "learner-not-ready",
  [WireReason.QUORUM_AT_RISK]: "quorum-at-risk",
  [WireReason.TRANSFER_FAILED]: "transfer-failed",
  [WireReason.SHUTTING_DOWN]: "shutting-down",
  [WireReason.ALREADY_INITIALIZED]: "already-initialized",
  [WireReason.UNIMPLEMENTED]: "unimplemented",
  [WireReason.INTERNAL]: "internal",
  [WireReason.NOT_READY]: "not-ready",
};

/**
 * Why one attempt failed, before it is decided whether to try again. Internal: callers see RstoreError.
 * `applied` speaks of a write: "no" certainly not, "maybe" otherwise.
 */
export class AttemptError extends Error {
  readonly reason: Reason;
  readonly applied: "no" | "maybe";
  readonly facts: ErrorFacts;
  /** The endpoint could not be used at all: try another one. */
  readonly endpointFailed: boolean;

  constructor(
    reason: Reason,
    message: string,
    options: { applied: "no" | "maybe"; facts?: ErrorFacts; endpointFailed?: boolean; cause?: unknown },
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "AttemptError";
    this.reason = reason;
    this.applied = options.applied;
    this.facts = options.facts ?? {};
    this.endpointFailed = options.endpointFailed ?? false;
  }
}

/** Reasons that say that this replica, not the cluster, can't serve: another endpoint may. */
const replicaAtFault: ReadonlySet<Reason> = new Set<Reason>([
  "not-initialized",
  "member-removed",
  "shutting-down",
  "not-ready",
]);

/** gRPC codes by which a server says, without a detail, that it refused the request unread. */
const refusedCodes: ReadonlySet<number> = new Set([3, 5, 6, 7, 9, 11, 12, 16]);

const reasonFromCode: Readonly<Record<number, Reason>> = {
  1: "canceled",
  3: "invalid-argument",
  4: "deadline-exceeded",
  8: "limit-exceeded",
  12: "unimplemented",
  14: "unavailable",
};

/** An error answer, with the detail that rstore replicas always send or without it (a proxy answered). */
export function attemptErrorFromAnswer(
  code: number,
  message: string,
  detail: ErrorDetail | undefined,
): AttemptError {
  if (detail === undefined) {
    return new AttemptError(reasonFromCode[code] ?? "internal", message, {
      applied: refusedCodes.has(code) ? "no" : "maybe",
      endpointFailed: code === 14 || code === 12,
    });
  }
  const reason = reasonFromWireTable[detail.reason] ?? "internal";
  return new AttemptError(reason, message, {
    applied: detail.outcome === WireOutcome.UNKNOWN ? "maybe" : "no",
    facts: factsFrom(detail),
    endpointFailed: replicaAtFault.has(reason),
  });
}

function factsFrom(detail: ErrorDetail): ErrorFacts {
  return {
    ...(detail.leaderId !== 0n && { leaderId: detail.leaderId }),
    ...(detail.leaderClientUrl !== "" && { leaderClientUrl: detail.leaderClientUrl }),
    ...(detail.leaderPeerUrl !== "" && { leaderPeerUrl: detail.leaderPeerUrl }),
    ...(detail.subject !== "" && { subject: detail.subject }),
    ...(detail.limit !== 0n && { limit: detail.limit }),
    ...((detail.revision !== 0n || detail.reason === WireReason.COMPARE_FAILED) && {
      revision: detail.revision,
    }),
    ...(detail.index !== 0n && { index: detail.index }),
  };
}

/** The same, with the name of the request that failed. */
export function namedAttemptError(error: AttemptError, requestId: string): AttemptError {
  const { applied, endpointFailed, cause } = error;
  const facts = { ...error.facts, requestId };
  return new AttemptError(error.reason, error.message, { applied, facts, endpointFailed, cause });
}

/** Why a call failed: the reasons of rstore.v1.Reason, and three that arise in the client. */
export const reasons = [
  "invalid-argument",
  "not-leader",
  "no-leader",
  "no-quorum",
  "compacted",
  "future-revision",
  "compare-failed",
  "too-large",
  "limit-exceeded",
  "no-space",
  "deadline-exceeded",
  "outcome-unknown",
  "not-initialized",
  "member-removed",
  "wrong-cluster",
  "wrong-member",
  "configuration-mismatch",
  "change-in-progress",
  "learner-not-ready",
  "quorum-at-risk",
  "transfer-failed",
  "shutting-down",
  "already-initialized",
  "unimplemented",
  "internal",
  "not-ready",
  "unavailable",
  "canceled",
  "closed",
] as const;

export type Reason = (typeof reasons)[number];

/** Whether a write that failed may have been applied. A read, which applies nothing, is "not-applied". */
export type Outcome = "not-applied" | "unknown";

/** What a program may want to know beyond the reason; absent where the reason does not have it. */
export interface ErrorFacts {
  readonly leaderId?: bigint;
  readonly leaderClientUrl?: string;
  readonly leaderPeerUrl?: string;
  /** The name of the limit or of the field at fault. */
  readonly subject?: string;
  readonly limit?: bigint;
  /** compacted: the compacted revision; future-revision: the store's; compare-failed: the key's mod revision. */
  readonly revision?: bigint;
  /** By which the request that failed is found in the logs of replicas. */
  readonly requestId?: string;
  /** configuration-mismatch: the configuration in force; member-removed: the index of removal. */
  readonly index?: bigint;
}

/** The one error that this library throws. `message` tells a person what to do. */
export class RstoreError extends Error {
  readonly reason: Reason;
  readonly outcome: Outcome;
  readonly facts: ErrorFacts;

  constructor(
    reason: Reason,
    message: string,
    options: { outcome?: Outcome; facts?: ErrorFacts; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "RstoreError";
    this.reason = reason;
    this.outcome = options.outcome ?? "not-applied";
    this.facts = options.facts ?? {};
  }
}

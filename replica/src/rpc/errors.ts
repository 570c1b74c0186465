import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  type ErrorDetail,
  ErrorDetailSchema,
  type OperationError,
  OperationErrorSchema,
  Outcome as WireOutcome,
  Reason as WireReason,
} from "@rstore/proto/rstore/v1/kv";
import type { WriteRefusal } from "../apply/operation.ts";
import { type Outcome, type Reason, ReplicaError, type ReplicaErrorDetail } from "../runtime/replica-api.ts";

interface ErrorMapping {
  readonly code: Code;
  readonly wire: WireReason;
}

/**
 * The table of errors. Codes follow the guidance of google/rpc/code.proto: UNAVAILABLE when the same call may
 * succeed later or elsewhere, ABORTED when the caller must read again before it writes, FAILED_PRECONDITION
 * when something else must change first. An outcome that is not known is UNKNOWN, never UNAVAILABLE: generic
 * retry policies send UNAVAILABLE again, which could apply a write twice.
 */
const errorTable: Record<Reason, ErrorMapping> = {
  "invalid-argument": { code: Code.InvalidArgument, wire: WireReason.INVALID_ARGUMENT },
  "not-leader": { code: Code.FailedPrecondition, wire: WireReason.NOT_LEADER },
  "no-leader": { code: Code.Unavailable, wire: WireReason.NO_LEADER },
  "no-quorum": { code: Code.Unavailable, wire: WireReason.NO_QUORUM },
  compacted: { code: Code.OutOfRange, wire: WireReason.COMPACTED },
  "future-revision": { code: Code.OutOfRange, wire: WireReason.FUTURE_REVISION },
  "compare-failed": { code: Code.Aborted, wire: WireReason.COMPARE_FAILED },
  "too-large": { code: Code.ResourceExhausted, wire: WireReason.TOO_LARGE },
  "limit-exceeded": { code: Code.ResourceExhausted, wire: WireReason.LIMIT_EXCEEDED },
  "no-space": { code: Code.ResourceExhausted, wire: WireReason.NO_SPACE },
  "deadline-exceeded": { code: Code.DeadlineExceeded, wire: WireReason.DEADLINE_EXCEEDED },
  "outcome-unknown": { code: Code.Unknown, wire: WireReason.OUTCOME_UNKNOWN },
  "not-initialized": { code: Code.Unavailable, wire: WireReason.NOT_INITIALIZED },
  "member-removed": { code: Code.FailedPrecondition, wire: WireReason.MEMBER_REMOVED },
  "wrong-cluster": { code: Code.FailedPrecondition, wire: WireReason.WRONG_CLUSTER },
  "wrong-member": { code: Code.FailedPrecondition, wire: WireReason.WRONG_MEMBER },
  "configuration-mismatch": { code: Code.Aborted, wire: WireReason.CONFIGURATION_MISMATCH },
  "change-in-progress": { code: Code.FailedPrecondition, wire: WireReason.CHANGE_IN_PROGRESS },
  "learner-not-ready": { code: Code.FailedPrecondition, wire: WireReason.LEARNER_NOT_READY },
  "quorum-at-risk": { code: Code.FailedPrecondition, wire: WireReason.QUORUM_AT_RISK },
  "transfer-failed": { code: Code.Aborted, wire: WireReason.TRANSFER_FAILED },
  "shutting-down": { code: Code.Unavailable, wire: WireReason.SHUTTING_DOWN },
  "already-initialized": { code: Code.AlreadyExists, wire: WireReason.ALREADY_INITIALIZED },
  unimplemented: { code: Code.Unimplemented, wire: WireReason.UNIMPLEMENTED },
  internal: { code: Code.Internal, wire: WireReason.INTERNAL },
  "not-ready": { code: Code.Unavailable, wire: WireReason.NOT_READY },
};

const wireOutcomes: Record<Outcome, WireOutcome> = {
  unspecified: WireOutcome.UNSPECIFIED,
  "not-applied": WireOutcome.NOT_APPLIED,
  unknown: WireOutcome.UNKNOWN,
};

const reasonsByWire = new Map(
  (Object.keys(errorTable) as Reason[]).map((reason) => [errorTable[reason].wire, reason]),
);
const outcomesByWire = new Map((Object.keys(wireOutcomes) as Outcome[]).map((o) => [wireOutcomes[o], o]));

/** Every reason; for tests and documentation. */
export const reasons = Object.keys(errorTable) as readonly Reason[];

export function codeFromReason(reason: Reason): Code {
  return errorTable[reason].code;
}

export function errorDetailFromReplicaError(error: ReplicaError): ErrorDetail {
  return create(ErrorDetailSchema, errorDetailInit(error));
}

function errorDetailInit(error: ReplicaError): MessageInitShape<typeof ErrorDetailSchema> {
  const { detail } = error;
  return {
    reason: errorTable[error.reason].wire,
    outcome: wireOutcomes[error.outcome],
    leaderId: detail.leaderId ?? 0n,
    leaderClientUrl: detail.leaderClientUrl ?? "",
    leaderPeerUrl: detail.leaderPeerUrl ?? "",
    subject: detail.subject ?? "",
    limit: BigInt(detail.limit ?? 0),
    revision: detail.revision ?? 0n,
    index: detail.index ?? 0n,
  };
}

export function connectErrorFromReplicaError(error: ReplicaError): ConnectError {
  const detail = { desc: ErrorDetailSchema, value: errorDetailInit(error) };
  return new ConnectError(error.message, codeFromReason(error.reason), undefined, [detail], error);
}

export function operationErrorFromReplicaError(error: ReplicaError): OperationError {
  return create(OperationErrorSchema, {
    code: codeFromReason(error.reason),
    message: error.message,
    detail: errorDetailFromReplicaError(error),
  });
}

/** The way back, for callers of another replica; undefined when the error carries no detail of ours. */
export function replicaErrorFromConnectError(error: ConnectError): ReplicaError | undefined {
  const detail = error.findDetails(ErrorDetailSchema)[0];
  const reason = detail && reasonsByWire.get(detail.reason);
  if (!detail || !reason) return undefined;
  const outcome = outcomesByWire.get(detail.outcome) ?? "unspecified";
  return new ReplicaError(reason, error.rawMessage, {
    outcome,
    detail: detailFromWire(detail),
    cause: error,
  });
}

function detailFromWire(detail: ErrorDetail): ReplicaErrorDetail {
  return {
    ...(detail.leaderId !== 0n && { leaderId: detail.leaderId }),
    ...(detail.leaderClientUrl !== "" && { leaderClientUrl: detail.leaderClientUrl }),
    ...(detail.leaderPeerUrl !== "" && { leaderPeerUrl: detail.leaderPeerUrl }),
    ...(detail.subject !== "" && { subject: detail.subject }),
    ...(detail.limit !== 0n && { limit: Number(detail.limit) }),
    ...(detail.revision !== 0n && { revision: detail.revision }),
    ...(detail.index !== 0n && { index: detail.index }),
  };
}

/** Whatever was thrown as what the caller is told: internals are not shown, and a write may have been applied. */
export function replicaErrorFromUnknown(thrown: unknown): ReplicaError {
  if (thrown instanceof ReplicaError) return thrown;
  return new ReplicaError("internal", "internal error; the replica's log has more", {
    outcome: "unknown",
    cause: thrown,
  });
}

/** A write that the state machine refused: nothing was changed. */
export function replicaErrorFromRefusal(refusal: WriteRefusal): ReplicaError {
  const outcome = "not-applied";
  switch (refusal.reason) {
    case "compare-failed": {
      const revision = refusal.modRevision;
      const found = revision === 0n ? "the key does not exist" : `the key's mod revision is ${revision}`;
      const message = `expected_mod_revision does not match: ${found}; read the key again`;
      return new ReplicaError("compare-failed", message, { outcome, detail: { revision } });
    }
    case "compacted": {
      const revision = refusal.compactedRevision;
      const message = `revision is compacted already; the oldest revision that is kept is ${revision}`;
      return new ReplicaError("compacted", message, { outcome, detail: { subject: "revision", revision } });
    }
    case "future": {
      const { revision } = refusal;
      const message = `revision is not reached yet; the store's revision is ${revision}`;
      const detail = { subject: "revision", revision };
      return new ReplicaError("future-revision", message, { outcome, detail });
    }
    case "too-many-keys": {
      const { limit } = refusal;
      const message = `the range holds more than ${limit} keys, the most that one delete takes; delete it in parts`;
      const detail = { subject: "delete_max_keys", limit };
      return new ReplicaError("limit-exceeded", message, { outcome, detail });
    }
  }
}

/** A request that this layer turns away before anything is tried. */
export function limitExceeded(subject: string, limit: number, advice: string): ReplicaError {
  return new ReplicaError("limit-exceeded", `${subject} (${limit}) is reached: ${advice}`, {
    outcome: "not-applied",
    detail: { subject, limit },
  });
}

export function requestTooLarge(limit: number): ReplicaError {
  return new ReplicaError("too-large", `the request is larger than request_max_bytes (${limit})`, {
    outcome: "not-applied",
    detail: { subject: "request_max_bytes", limit },
  });
}

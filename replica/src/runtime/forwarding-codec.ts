import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  type ForwardedOutcome,
  type ForwardedOutcomeSchema,
  ForwardedOutcomesSchema,
  type ForwardedRefusal,
} from "@rstore/proto/rstore/peer/v1/forward";
import {
  type ErrorDetail,
  type OperationError,
  type OperationErrorSchema,
  Outcome as WireOutcome,
  Reason as WireReason,
} from "@rstore/proto/rstore/v1/kv";
import type { WriteRefusal } from "../apply/operation.ts";
import { assert } from "../assert.ts";
import {
  type Outcome,
  type Reason,
  ReplicaError,
  type ReplicaErrorDetail,
  type WriteOutcome,
} from "./replica-api.ts";

type OutcomeInit = MessageInitShape<typeof ForwardedOutcomeSchema>;

/** How the leader answers what a follower passed on. */
export function encodeOutcomes(outcomes: readonly WriteOutcome[]): Uint8Array {
  return toBinary(
    ForwardedOutcomesSchema,
    create(ForwardedOutcomesSchema, { outcomes: outcomes.map(toWire) }),
  );
}

/** Throws when the bytes are not outcomes: the leader may have applied the writes all the same. */
export function decodeOutcomes(bytes: Uint8Array): WriteOutcome[] {
  return fromBinary(ForwardedOutcomesSchema, bytes).outcomes.map(fromWire);
}

function toWire(outcome: WriteOutcome): OutcomeInit {
  switch (outcome.type) {
    case "put":
      return {
        outcome: {
          case: "put",
          value: {
            revision: outcome.revision,
            ...(outcome.previous === undefined ? {} : { previous: outcome.previous }),
          },
        },
      };
    case "delete":
      return {
        outcome: {
          case: "delete",
          value: { revision: outcome.revision, deleted: outcome.deleted, previous: [...outcome.previous] },
        },
      };
    case "compact":
      return { outcome: { case: "compact", value: { revision: outcome.revision } } };
    case "refused":
      return { outcome: { case: "refused", value: { refusal: refusalToWire(outcome.refusal) } } };
    case "failed":
      return { outcome: { case: "failed", value: errorToWire(outcome.error) } };
  }
}

function refusalToWire(refusal: WriteRefusal): ForwardedRefusal["refusal"] {
  switch (refusal.reason) {
    case "compare-failed":
      return { case: "compareFailed", value: refusal.modRevision };
    case "compacted":
      return { case: "compacted", value: refusal.compactedRevision };
    case "future":
      return { case: "future", value: refusal.revision };
    case "too-many-keys":
      return { case: "tooManyKeys", value: refusal.limit };
  }
}

function fromWire(wire: ForwardedOutcome): WriteOutcome {
  const { outcome } = wire;
  switch (outcome.case) {
    case "put":
      return { type: "put", revision: outcome.value.revision, previous: outcome.value.previous };
    case "delete":
      return {
        type: "delete",
        revision: outcome.value.revision,
        deleted: outcome.value.deleted,
        previous: outcome.value.previous,
      };
    case "compact":
      return { type: "compact", revision: outcome.value.revision };
    case "refused":
      return { type: "refused", refusal: refusalFromWire(outcome.value) };
    case "failed":
      return { type: "failed", error: errorFromWire(outcome.value) };
    case undefined:
      throw new TypeError("a forwarded outcome is empty");
  }
}

function refusalFromWire({ refusal }: ForwardedRefusal): WriteRefusal {
  switch (refusal.case) {
    case "compareFailed":
      return { reason: "compare-failed", modRevision: refusal.value };
    case "compacted":
      return { reason: "compacted", compactedRevision: refusal.value };
    case "future":
      return { reason: "future", revision: refusal.value };
    case "tooManyKeys":
      return { reason: "too-many-keys", limit: refusal.value };
    case undefined:
      throw new TypeError("a forwarded refusal is empty");
  }
}

function errorToWire(error: ReplicaError): MessageInitShape<typeof OperationErrorSchema> {
  const { limit, ...detail } = error.detail;
  return {
    message: error.message,
    detail: {
      ...detail,
      ...(limit === undefined ? {} : { limit: BigInt(limit) }),
      reason: wireReason(error.reason),
      outcome: outcomeNames.indexOf(error.outcome),
    },
  };
}

/** What a program reads: the limit's name, who leads. The wire has no "absent": zero and empty stand for it. */
function detailFromWire(wire: ErrorDetail): ReplicaErrorDetail {
  return {
    ...(wire.leaderId === 0n ? {} : { leaderId: wire.leaderId }),
    ...(wire.leaderClientUrl === "" ? {} : { leaderClientUrl: wire.leaderClientUrl }),
    ...(wire.leaderPeerUrl === "" ? {} : { leaderPeerUrl: wire.leaderPeerUrl }),
    ...(wire.subject === "" ? {} : { subject: wire.subject }),
    ...(wire.limit === 0n ? {} : { limit: Number(wire.limit) }),
    ...(wire.revision === 0n ? {} : { revision: wire.revision }),
    ...(wire.index === 0n ? {} : { index: wire.index }),
  };
}

function errorFromWire(wire: OperationError): ReplicaError {
  const name = WireReason[wire.detail?.reason ?? WireReason.INTERNAL];
  return new ReplicaError(name.toLowerCase().replaceAll("_", "-") as Reason, wire.message, {
    outcome: outcomeNames[wire.detail?.outcome ?? WireOutcome.UNKNOWN] ?? "unknown",
    ...(wire.detail === undefined ? {} : { detail: detailFromWire(wire.detail) }),
  });
}

const outcomeNames: readonly Outcome[] = ["unspecified", "not-applied", "unknown"];

function wireReason(reason: Reason): WireReason {
  const name = reason.toUpperCase().replaceAll("-", "_") as keyof typeof WireReason;
  assert(WireReason[name] !== undefined, `reason ${reason} has no place in rstore.v1.Reason`);
  return WireReason[name];
}

import {
  type BatchRequest,
  type CompactRequest,
  Consistency,
  type DeleteRequest,
  type GetRequest,
  type PutRequest,
  type RangeRequest,
} from "@rstore/proto/rstore/v1/kv";
import { ReplicaError, type RpcLimits } from "../runtime/replica-api.ts";
import { limitExceeded, requestTooLarge } from "./errors.ts";

/** Longest key, in bytes. */
export const keyMaxBytes = 1024;

/** A bound of a range may be the successor of the longest key, which has one byte more. */
const boundMaxBytes = keyMaxBytes + 1;

/** `field` is the name in the .proto file. Nothing was tried: a write is certainly not applied. */
export function invalidField(field: string, problem: string, limit?: number): ReplicaError {
  return new ReplicaError("invalid-argument", `${field} ${problem}`, {
    outcome: "not-applied",
    detail: limit === undefined ? { subject: field } : { subject: field, limit },
  });
}

function checkKey(key: Uint8Array, field = "key"): ReplicaError | undefined {
  if (key.length === 0) return invalidField(field, "must not be empty");
  if (key.length > keyMaxBytes) {
    return invalidField(field, `has ${key.length} bytes; the most are ${keyMaxBytes}`, keyMaxBytes);
  }
  return undefined;
}

function checkBound(bound: Uint8Array, field: string): ReplicaError | undefined {
  if (bound.length <= boundMaxBytes) return undefined;
  return invalidField(field, `has ${bound.length} bytes; the most are ${boundMaxBytes}`, boundMaxBytes);
}

function checkRangeEnd(start: Uint8Array, end: Uint8Array): ReplicaError | undefined {
  if (end.length === 0 || Buffer.compare(start, end) < 0) return checkBound(end, "range_end");
  return invalidField("range_end", "must be greater than key");
}

export function checkConsistency(consistency: Consistency): ReplicaError | undefined {
  switch (consistency) {
    case Consistency.UNSPECIFIED:
    case Consistency.LINEARIZABLE:
    case Consistency.SERIALIZABLE:
      return undefined;
    default:
      return invalidField("consistency", `${consistency satisfies never} is not known to this replica`);
  }
}

/*
 * Each check answers with what is wrong, or undefined. They return rather than throw since a batch goes on
 * with its other operations.
 */

export function checkPut(request: PutRequest, limits: RpcLimits): ReplicaError | undefined {
  const keyProblem = checkKey(request.key);
  if (keyProblem) return keyProblem;
  if (request.key.length + request.value.length > limits.requestMaxBytes) {
    return requestTooLarge(limits.requestMaxBytes);
  }
  if (request.lease !== 0n) return invalidField("lease", "must be 0: leases are not served yet");
  return undefined;
}

export function checkGet(request: GetRequest): ReplicaError | undefined {
  return checkKey(request.key) ?? checkConsistency(request.consistency);
}

export function checkRange(request: RangeRequest): ReplicaError | undefined {
  if (request.prefix && request.rangeEnd.length > 0) {
    return invalidField("range_end", "is not allowed together with prefix");
  }
  return (
    checkBound(request.key, "key") ??
    checkRangeEnd(request.key, request.rangeEnd) ??
    checkConsistency(request.consistency)
  );
}

export function checkDelete(request: DeleteRequest): ReplicaError | undefined {
  const hasEnd = request.rangeEnd.length > 0;
  if (hasEnd && request.prefix) return invalidField("range_end", "is not allowed together with prefix");
  if (hasEnd && request.toEnd) return invalidField("range_end", "is not allowed together with to_end");
  if (request.prefix && request.toEnd) return invalidField("to_end", "is not allowed together with prefix");
  const isRange = hasEnd || request.prefix || request.toEnd;
  if (!isRange) return checkKey(request.key);
  if (request.expectedModRevision !== undefined) {
    return invalidField("expected_mod_revision", "is only for a single key");
  }
  if (request.prefix) return checkKey(request.key);
  return checkBound(request.key, "key") ?? checkRangeEnd(request.key, request.rangeEnd);
}

export function checkCompact(request: CompactRequest): ReplicaError | undefined {
  if (request.revision === 0n) return invalidField("revision", "must be at least 1");
  return undefined;
}

export function checkBatch(request: BatchRequest, limits: RpcLimits): ReplicaError | undefined {
  if (request.operations.length <= limits.batchMaxOperations) return undefined;
  return limitExceeded("batch_max_operations", limits.batchMaxOperations, "send several batches");
}

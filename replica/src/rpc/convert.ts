import {
  type CompactRequest,
  Consistency,
  type DeleteRequest,
  type DeleteResponse,
  type GetRequest,
  type KeyValue as KeyValueMessage,
  type PutRequest,
  type PutResponse,
  type RangeRequest as RangeRequestMessage,
  type ResponseHeader,
} from "@rstore/proto/rstore/v1/kv";
import type { CompactOperation, DeleteOperation, PutOperation, WriteResult } from "../apply/operation.ts";
import type { KeyValue } from "../mvcc/types.ts";
import type { AnswerState, CallOptions, RangeRequest, ReadOptions } from "../runtime/replica-api.ts";

/*
 * Messages are written as literals, not with `create`, which looks every field up in its descriptor: these
 * conversions run for every operation.
 */

const NO_BYTES = new Uint8Array(0);

export function headerFromState(state: AnswerState): ResponseHeader {
  return {
    $typeName: "rstore.v1.ResponseHeader",
    clusterId: state.clusterId,
    memberId: state.memberId,
    leaderId: state.leaderId,
    term: state.term,
    revision: state.revision,
    leaderClientUrl: state.leaderClientUrl,
  };
}

export function messageFromKeyValue(keyValue: KeyValue): KeyValueMessage {
  return {
    $typeName: "rstore.v1.KeyValue",
    key: keyValue.key,
    value: keyValue.value,
    createRevision: keyValue.createRevision,
    modRevision: keyValue.modRevision,
    version: keyValue.version,
    lease: keyValue.lease,
  };
}

/** Bytes of a key-value in an answer: key, value, and no more than this for the rest of its fields. */
export function keyValueBytes(keyValue: KeyValue): number {
  return keyValue.key.length + keyValue.value.length + 64;
}

export function putOperationFromRequest(request: PutRequest): PutOperation {
  return {
    type: "put",
    key: request.key,
    value: request.value,
    lease: request.lease,
    previous: request.previous,
    expectedModRevision: request.expectedModRevision,
  };
}

export function deleteOperationFromRequest(request: DeleteRequest): DeleteOperation {
  return {
    type: "delete",
    start: request.key,
    end: deleteEnd(request),
    previous: request.previous,
    expectedModRevision: request.expectedModRevision,
  };
}

function deleteEnd(request: DeleteRequest): Uint8Array | undefined {
  if (request.prefix) return prefixEnd(request.key);
  if (request.toEnd) return NO_BYTES;
  return request.rangeEnd.length === 0 ? undefined : request.rangeEnd;
}

export function compactOperationFromRequest(request: CompactRequest): CompactOperation {
  return { type: "compact", revision: request.revision };
}

export function rangeFromRequest(request: RangeRequestMessage): RangeRequest {
  return {
    start: request.key,
    end: request.prefix ? prefixEnd(request.key) : request.rangeEnd,
    revision: revisionFromWire(request.revision),
    limit: request.limit,
    reverse: request.reverse,
    keysOnly: request.keysOnly,
    countOnly: request.countOnly,
  };
}

/** 0 on the wire means the newest. */
export function revisionFromWire(revision: bigint): bigint | undefined {
  return revision === 0n ? undefined : revision;
}

export function readOptionsFromRequest(
  request: Pick<GetRequest, "consistency" | "minRevision">,
  call: CallOptions,
): ReadOptions {
  return {
    consistency: request.consistency === Consistency.SERIALIZABLE ? "serializable" : "linearizable",
    minRevision: request.minRevision,
    ...call,
  };
}

/** The first key after all keys that begin with `prefix`; empty, the end of the store, when there is none. */
export function prefixEnd(prefix: Uint8Array): Uint8Array {
  for (let last = prefix.length - 1; last >= 0; last--) {
    const byte = prefix[last]!;
    if (byte === 0xff) continue;
    // A copy, also of a Buffer, whose slice would be a view.
    const end = new Uint8Array(prefix.subarray(0, last + 1));
    end[last] = byte + 1;
    return end;
  }
  return NO_BYTES;
}

export function putResponseFromResult(
  result: Extract<WriteResult, { type: "put" }>,
  header: ResponseHeader | undefined,
): PutResponse {
  const response: PutResponse = { $typeName: "rstore.v1.PutResponse", revision: result.revision };
  if (header) response.header = header;
  if (result.previous) response.previous = messageFromKeyValue(result.previous);
  return response;
}

export function deleteResponseFromResult(
  result: Extract<WriteResult, { type: "delete" }>,
  header: ResponseHeader | undefined,
): DeleteResponse {
  const response: DeleteResponse = {
    $typeName: "rstore.v1.DeleteResponse",
    revision: result.revision,
    deleted: BigInt(result.deleted),
    previous: result.previous.map(messageFromKeyValue),
  };
  if (header) response.header = header;
  return response;
}

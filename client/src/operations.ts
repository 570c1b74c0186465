import { create } from "@bufbuild/protobuf";
import {
  DeleteRequestSchema,
  type DeleteResponse,
  GetRequestSchema,
  type GetResponse,
  type Operation,
  OperationSchema,
  PutRequestSchema,
  type PutResponse,
  type RangeRequest,
  RangeRequestSchema,
  type RangeResponse,
  type ResponseHeader,
  Consistency as WireConsistency,
  type KeyValue as WireKeyValue,
} from "@rstore/proto/rstore/v1/kv";
import { bytesFrom } from "./bytes.ts";
import { RstoreError } from "./errors.ts";
import type {
  AnswerHeader,
  Bytes,
  DeleteOptions,
  DeleteResult,
  GetResult,
  KeyValue,
  PutOptions,
  PutResult,
  RangeOptions,
  RangeResult,
  ReadOptions,
} from "./types.ts";

const keyMaxBytes = 1_024;
/** What an operation takes in a batch beyond its key and value, at most. */
export const operationOverheadBytes = 64;

export function keyFrom(key: Bytes): Uint8Array {
  const bytes = bytesFrom(key);
  if (bytes.length === 0 || bytes.length > keyMaxBytes) {
    throw new RstoreError(
      "invalid-argument",
      `a key has 1 to ${keyMaxBytes} bytes, this one has ${bytes.length}`,
      { facts: { subject: "key" } },
    );
  }
  return bytes;
}

export function putOperation(key: Uint8Array, value: Uint8Array, options: PutOptions): Operation {
  const put = create(PutRequestSchema);
  put.key = key;
  put.value = value;
  if (options.previous === true) put.previous = true;
  if (options.expectedModRevision !== undefined) put.expectedModRevision = options.expectedModRevision;
  const operation = create(OperationSchema);
  operation.operation = { case: "put", value: put };
  return operation;
}

export function getOperation(key: Uint8Array, options: ReadOptions): Operation {
  const get = create(GetRequestSchema);
  get.key = key;
  get.consistency = consistencyFrom(options);
  if (options.revision !== undefined) get.revision = options.revision;
  if (options.minRevision !== undefined) get.minRevision = options.minRevision;
  const operation = create(OperationSchema);
  operation.operation = { case: "get", value: get };
  return operation;
}

export function deleteOperation(key: Uint8Array, options: DeleteOptions): Operation {
  const value = create(DeleteRequestSchema, {
    key,
    prefix: options.prefix ?? false,
    toEnd: options.toEnd ?? false,
    previous: options.previous ?? false,
    ...(options.rangeEnd !== undefined && { rangeEnd: bytesFrom(options.rangeEnd) }),
    ...(options.expectedModRevision !== undefined && { expectedModRevision: options.expectedModRevision }),
  });
  return create(OperationSchema, { operation: { case: "delete", value } });
}

export function rangeRequest(options: RangeOptions): RangeRequest {
  const { prefix, key, rangeEnd } = options;
  if (prefix !== undefined && (key !== undefined || rangeEnd !== undefined)) {
    throw new RstoreError("invalid-argument", "give either prefix, or key and rangeEnd", {
      facts: { subject: "prefix" },
    });
  }
  return create(RangeRequestSchema, {
    key: bytesFrom(prefix ?? key ?? ""),
    rangeEnd: bytesFrom(rangeEnd ?? ""),
    prefix: prefix !== undefined && prefix.length > 0,
    limit: options.limit ?? 0,
    reverse: options.reverse ?? false,
    keysOnly: options.keysOnly ?? false,
    countOnly: options.countOnly ?? false,
    revision: options.revision ?? 0n,
    consistency: consistencyFrom(options),
    minRevision: options.minRevision ?? 0n,
  });
}

export function consistencyFrom(options: ReadOptions): WireConsistency {
  return options.consistency === "serializable" ? WireConsistency.SERIALIZABLE : WireConsistency.LINEARIZABLE;
}

const noHeader: AnswerHeader = { clusterId: 0n, memberId: 0n, leaderId: 0n, term: 0n, revision: 0n };

export function headerFrom(header: ResponseHeader | undefined): AnswerHeader {
  if (header === undefined) return noHeader;
  const { clusterId, memberId, leaderId, term, revision } = header;
  return { clusterId, memberId, leaderId, term, revision };
}

export function putResult(response: PutResponse, header: AnswerHeader): PutResult {
  const { revision, previous } = response;
  return { header, revision, previous: previous === undefined ? undefined : keyValueFrom(previous) };
}

export function getResult(response: GetResponse, header: AnswerHeader): GetResult {
  const { keyValue } = response;
  return { header, keyValue: keyValue === undefined ? undefined : keyValueFrom(keyValue) };
}

export function deleteResult(response: DeleteResponse, header: AnswerHeader): DeleteResult {
  const { revision, deleted, previous } = response;
  return { header, revision, deleted, previous: previous.map(keyValueFrom) };
}

export function rangeResult(response: RangeResponse): RangeResult {
  const { keyValues, more, count, revision } = response;
  return {
    header: headerFrom(response.header),
    keyValues: keyValues.map(keyValueFrom),
    more,
    count,
    revision,
  };
}

/** Key and value are copied: the decoded ones are views that would keep a whole answer in memory. */
function keyValueFrom(wire: WireKeyValue): KeyValue {
  return {
    key: new Uint8Array(wire.key),
    value: new Uint8Array(wire.value),
    createRevision: wire.createRevision,
    modRevision: wire.modRevision,
    version: wire.version,
  };
}

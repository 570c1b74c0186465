import type {
  BatchRequest,
  BatchResponse,
  CompactRequest,
  CompactResponse,
  DeleteRequest,
  DeleteResponse,
  GetRequest,
  GetResponse,
  PutRequest,
  PutResponse,
  RangeRequest,
  RangeResponse,
  ResponseHeader,
} from "@rstore/proto/rstore/v1/kv";
import type { WriteOperation, WriteResult } from "../apply/operation.ts";
import { assert } from "../assert.ts";
import type { Distribution } from "../metrics/instruments.ts";
import { type CallOptions, ReplicaError, type RpcLimits } from "../runtime/replica-api.ts";
import { awaitReadable } from "./await-readable.ts";
import { runBatch } from "./batch.ts";
import {
  compactOperationFromRequest,
  deleteOperationFromRequest,
  deleteResponseFromResult,
  headerFromState,
  putOperationFromRequest,
  putResponseFromResult,
  readOptionsFromRequest,
} from "./convert.ts";
import type { KvApi } from "./counted-writes.ts";
import { appliedResult, previousTooLarge, readGet, readRange, takePrevious } from "./kv-results.ts";
import { ResponseBudget } from "./response-budget.ts";
import { checkBatch, checkCompact, checkDelete, checkGet, checkPut, checkRange } from "./validate-request.ts";

type Applied<Type extends WriteResult["type"]> = Extract<WriteResult, { type: Type }>;

/**
 * The calls of KvService as every road into the server makes them: the general adapter, the fast path and the
 * plain routes. Deadlines are on the clock of `performance.now()`. Throws {@link ReplicaError} only.
 */
export class KvCalls {
  readonly #api: KvApi;
  readonly #limits: RpcLimits;
  readonly #batchOperations: Pick<Distribution, "observe"> | undefined;

  /** `batchOperations`: told the size of each batch. */
  constructor(api: KvApi, limits: RpcLimits, batchOperations?: Pick<Distribution, "observe">) {
    this.#batchOperations = batchOperations;
    this.#api = api;
    this.#limits = limits;
  }

  async put(request: PutRequest, call: CallOptions, forward = true): Promise<PutResponse> {
    refuse(checkPut(request, this.#limits));
    const result = await this.#writeOne(putOperationFromRequest(request), call, forward);
    return putResponseFromResult(result as Applied<"put">, this.#header());
  }

  async delete(request: DeleteRequest, call: CallOptions, forward = true): Promise<DeleteResponse> {
    refuse(checkDelete(request));
    const result = await this.#writeOne(deleteOperationFromRequest(request), call, forward);
    const deleted = result as Applied<"delete">;
    const budget = new ResponseBudget(this.#limits.responseMaxBytes);
    if (!takePrevious(deleted.previous, budget)) throw previousTooLarge(budget);
    return deleteResponseFromResult(deleted, this.#header());
  }

  async compact(request: CompactRequest, call: CallOptions): Promise<CompactResponse> {
    refuse(checkCompact(request));
    await this.#writeOne(compactOperationFromRequest(request), call, true);
    return { $typeName: "rstore.v1.CompactResponse", header: this.#header() };
  }

  async get(request: GetRequest, call: CallOptions): Promise<GetResponse> {
    refuse(checkGet(request));
    await awaitReadable(this.#api, readOptionsFromRequest(request, call));
    return readGet(this.#api, request, this.#header());
  }

  async range(request: RangeRequest, call: CallOptions): Promise<RangeResponse> {
    refuse(checkRange(request));
    await awaitReadable(this.#api, readOptionsFromRequest(request, call));
    const budget = new ResponseBudget(this.#limits.responseMaxBytes);
    const response = await readRange(this.#api, request, call.deadlineMs, budget);
    response.header = this.#header();
    return response;
  }

  async batch(request: BatchRequest, call: CallOptions): Promise<BatchResponse> {
    refuse(checkBatch(request, this.#limits));
    this.#batchOperations?.observe(request.operations.length);
    const results = await runBatch(this.#api, this.#limits, request, call);
    return { $typeName: "rstore.v1.BatchResponse", header: this.#header(), results };
  }

  #header(): ResponseHeader {
    return headerFromState(this.#api.answerState());
  }

  async #writeOne(operation: WriteOperation, call: CallOptions, forward: boolean): Promise<WriteResult> {
    const outcomes = await this.#api.write([operation], { ...call, forward });
    const result = appliedResult(outcomes[0]);
    if (result instanceof ReplicaError) throw result;
    assert(result.type === operation.type, `a ${operation.type} was answered as a ${result.type}`);
    return result;
  }
}

function refuse(problem: ReplicaError | undefined): void {
  if (problem) throw problem;
}

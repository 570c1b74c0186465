import type { BatchRequest, GetRequest, Operation, OperationResult } from "@rstore/proto/rstore/v1/kv";
import type { WriteOperation, WriteResult } from "../apply/operation.ts";
import {
  type CallOptions,
  type ReadOptions,
  ReplicaError,
  type RpcLimits,
  type WriteOutcome,
} from "../runtime/replica-api.ts";
import { awaitReadable } from "./await-readable.ts";
import {
  deleteOperationFromRequest,
  deleteResponseFromResult,
  keyValueBytes,
  putOperationFromRequest,
  putResponseFromResult,
  readOptionsFromRequest,
} from "./convert.ts";
import type { KvApi } from "./counted-writes.ts";
import { operationErrorFromReplicaError, replicaErrorFromUnknown } from "./errors.ts";
import { appliedResult, previousTooLarge, readGet, readRange, takePrevious } from "./kv-results.ts";
import { ResponseBudget } from "./response-budget.ts";
import { checkDelete, checkGet, checkPut, checkRange, invalidField } from "./validate-request.ts";

type Read = Extract<Operation["operation"], { case: "get" | "range" }>;
type Result = OperationResult["result"];

interface Placed<T> {
  /** Where in the batch. */
  readonly index: number;
  readonly operation: T;
}

interface ReadGroup {
  readonly options: ReadOptions;
  readonly reads: Placed<Read>[];
}

/** What the reads of a batch share. */
interface ReadContext {
  readonly api: KvApi;
  readonly budget: ResponseBudget;
  readonly setResult: SetResult;
}

type SetResult = (index: number, result: Result) => void;

/**
 * One write call for all writes and one wait for each kind of read; both go on at once. What is wrong with one
 * operation is that operation's result.
 */
export async function runBatch(
  api: KvApi,
  limits: RpcLimits,
  request: BatchRequest,
  call: CallOptions,
): Promise<OperationResult[]> {
  const { operations } = request;
  const results: OperationResult[] = new Array(operations.length);
  const setResult = (index: number, result: Result): void => {
    results[index] = { $typeName: "rstore.v1.OperationResult", result };
  };
  const { writes, groups } = sortOperations(operations, limits, call, setResult);
  const budget = new ResponseBudget(limits.responseMaxBytes);
  const work: Promise<void>[] = [];
  if (writes.length > 0) {
    const outcomes = writeAll(api, writes, call);
    work.push(outcomes.then((answers) => setWriteResults(writes, answers, budget, setResult)));
  }
  for (const group of groups) work.push(readGroup({ api, budget, setResult }, group));
  await Promise.all(work);
  return results;
}

function sortOperations(
  operations: readonly Operation[],
  limits: RpcLimits,
  call: CallOptions,
  setResult: SetResult,
): { writes: Placed<WriteOperation>[]; groups: Iterable<ReadGroup> } {
  const writes: Placed<WriteOperation>[] = [];
  const groups = new Map<string, ReadGroup>();
  for (let index = 0; index < operations.length; index++) {
    const { operation } = operations[index]!;
    const problem = checkOperation(operation, limits);
    if (problem) setResult(index, errorResult(problem));
    else if (operation.case === "put") {
      writes.push({ index, operation: putOperationFromRequest(operation.value) });
    } else if (operation.case === "delete") {
      writes.push({ index, operation: deleteOperationFromRequest(operation.value) });
    } else if (operation.case !== undefined) {
      const options = readOptionsFromRequest(operation.value, call);
      const groupKey = `${options.consistency} ${options.minRevision}`;
      const group = groups.get(groupKey);
      if (group) group.reads.push({ index, operation });
      else groups.set(groupKey, { options, reads: [{ index, operation }] });
    }
  }
  return { writes, groups: groups.values() };
}

function checkOperation(operation: Operation["operation"], limits: RpcLimits): ReplicaError | undefined {
  switch (operation.case) {
    case "put":
      return checkPut(operation.value, limits);
    case "delete":
      return checkDelete(operation.value);
    case "get":
      return checkGet(operation.value);
    case "range":
      return checkRange(operation.value);
    case undefined:
      return invalidField("operation", "must be put, get, range or delete");
  }
}

async function writeAll(
  api: KvApi,
  writes: readonly Placed<WriteOperation>[],
  call: CallOptions,
): Promise<readonly WriteOutcome[]> {
  const operations = writes.map((write) => write.operation);
  try {
    return await api.write(operations, { ...call, forward: true });
  } catch (thrown) {
    const error = replicaErrorFromUnknown(thrown);
    return writes.map(() => ({ type: "failed", error }) as const);
  }
}

function setWriteResults(
  writes: readonly Placed<WriteOperation>[],
  outcomes: readonly WriteOutcome[],
  budget: ResponseBudget,
  setResult: SetResult,
): void {
  for (let i = 0; i < writes.length; i++) {
    const result = appliedResult(outcomes[i]);
    setResult(
      writes[i]!.index,
      result instanceof ReplicaError ? errorResult(result) : writeResult(result, budget),
    );
  }
}

function writeResult(result: WriteResult, budget: ResponseBudget): Result {
  switch (result.type) {
    case "put": {
      const fits = !result.previous || budget.take(keyValueBytes(result.previous));
      if (!fits) return errorResult(previousTooLarge(budget));
      return { case: "put", value: putResponseFromResult(result, undefined) };
    }
    case "delete": {
      if (!takePrevious(result.previous, budget)) return errorResult(previousTooLarge(budget));
      return { case: "delete", value: deleteResponseFromResult(result, undefined) };
    }
    default:
      return errorResult(replicaErrorFromUnknown(new Error(`a write was answered as ${result.type}`)));
  }
}

/** Gets first, in the turn in which the state may be read; then the ranges, one at a time to bound memory. */
async function readGroup(context: ReadContext, { options, reads }: ReadGroup): Promise<void> {
  const { api, budget, setResult } = context;
  try {
    await awaitReadable(api, options);
  } catch (thrown) {
    const error = replicaErrorFromUnknown(thrown);
    for (const { index } of reads) setResult(index, errorResult(error));
    return;
  }
  for (const { index, operation } of reads) {
    if (operation.case === "get") setResult(index, getResult(api, operation.value, budget));
  }
  for (const { index, operation } of reads) {
    if (operation.case !== "range") continue;
    try {
      const value = await readRange(api, operation.value, options.deadlineMs, budget);
      setResult(index, { case: "range", value });
    } catch (thrown) {
      setResult(index, errorResult(replicaErrorFromUnknown(thrown)));
    }
  }
}

function getResult(api: KvApi, request: GetRequest, budget: ResponseBudget): Result {
  try {
    const value = readGet(api, request, undefined);
    if (value.keyValue && !budget.take(keyValueBytes(value.keyValue))) return errorResult(budget.exhausted());
    return { case: "get", value };
  } catch (thrown) {
    return errorResult(replicaErrorFromUnknown(thrown));
  }
}

function errorResult(error: ReplicaError): Result {
  return { case: "error", value: operationErrorFromReplicaError(error) };
}

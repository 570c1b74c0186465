import type {
  GetRequest,
  GetResponse,
  RangeRequest,
  RangeResponse,
  ResponseHeader,
} from "@rstore/proto/rstore/v1/kv";
import type { WriteResult } from "../apply/operation.ts";
import { assert } from "../assert.ts";
import type { KeyValue } from "../mvcc/types.ts";
import { ReplicaError, type WriteOutcome } from "../runtime/replica-api.ts";
import { keyValueBytes, messageFromKeyValue, rangeFromRequest, revisionFromWire } from "./convert.ts";
import type { KvApi } from "./counted-writes.ts";
import { replicaErrorFromRefusal } from "./errors.ts";
import type { ResponseBudget } from "./response-budget.ts";

/** Reads the local state as it is; for after `awaitReadable`. Throws compacted and future-revision. */
export function readGet(api: KvApi, request: GetRequest, header: ResponseHeader | undefined): GetResponse {
  const keyValue = api.get(request.key, revisionFromWire(request.revision));
  const response: GetResponse = { $typeName: "rstore.v1.GetResponse" };
  if (header) response.header = header;
  if (keyValue) response.keyValue = messageFromKeyValue(keyValue);
  return response;
}

/** Without a header; for after `awaitReadable`. Ends early, and says so by `more`, where the budget ends. */
export async function readRange(
  api: KvApi,
  request: RangeRequest,
  deadlineMs: number,
  budget: ResponseBudget,
): Promise<RangeResponse> {
  const answer = await api.range(rangeFromRequest(request), { deadlineMs });
  const { keyValues } = answer;
  let fitting = 0;
  while (fitting < keyValues.length && budget.take(keyValueBytes(keyValues[fitting]!))) fitting++;
  if (fitting === 0 && keyValues.length > 0) throw budget.exhausted();
  const cut = fitting < keyValues.length;
  return {
    $typeName: "rstore.v1.RangeResponse",
    keyValues: (cut ? keyValues.slice(0, fitting) : keyValues).map(messageFromKeyValue),
    more: answer.more || cut,
    count: BigInt(cut ? fitting : answer.count),
    revision: answer.revision,
  };
}

/** The result of a write that was applied, or why it was not. */
export function appliedResult(outcome: WriteOutcome | undefined): WriteResult | ReplicaError {
  assert(outcome !== undefined, "every write has an outcome");
  if (outcome.type === "failed") return outcome.error;
  if (outcome.type === "refused") return replicaErrorFromRefusal(outcome.refusal);
  return outcome;
}

/** Takes the bytes of previous values from the budget; returns whether they fit. */
export function takePrevious(previous: readonly KeyValue[], budget: ResponseBudget): boolean {
  let bytes = 0;
  for (const keyValue of previous) bytes += keyValueBytes(keyValue);
  return budget.take(bytes);
}

/** The write is done, but the caller cannot be told the previous values that it asked for. */
export function previousTooLarge(budget: ResponseBudget): ReplicaError {
  const { message, detail } = budget.exhausted();
  return new ReplicaError("limit-exceeded", `the write was applied, but without its answer: ${message}`, {
    outcome: "unknown",
    detail,
  });
}

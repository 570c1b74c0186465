import {
  create,
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import type { ResponseHeader } from "@rstore/proto/rstore/v1/kv";
import { namedAttemptError } from "./attempt-error.ts";
import type { Endpoint, Endpoints } from "./endpoints.ts";
import { RstoreError } from "./errors.ts";
import { attemptErrorFrom, serverTimeoutMs } from "./lane.ts";
import { nextRequestId } from "./request-id.ts";
import { decideRetry } from "./retry.ts";
import type { CallSpan, ClientTracing } from "./tracing/types.ts";

export interface UnaryOptions<O extends DescMessage> {
  readonly write: boolean;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  readonly pick: (nowMs: number) => Endpoint;
  readonly header: (response: MessageShape<O>) => ResponseHeader | undefined;
  /** Made here when it is missing. */
  readonly requestId?: string;
  readonly tracing?: ClientTracing | undefined;
}

/** A call in a request of its own, tried again by the same rules as operations in batches. */
export async function callUnary<I extends DescMessage, O extends DescMessage>(
  endpoints: Endpoints,
  method: DescMethodUnary<I, O>,
  request: MessageInitShape<I>,
  options: UnaryOptions<O>,
): Promise<MessageShape<O>> {
  const { tracing, requestId = nextRequestId() } = options;
  const span = tracing?.call(method.localName);
  try {
    const response = await callUntilDone(endpoints, method, request, { ...options, requestId, span });
    span?.end();
    return response;
  } catch (error) {
    span?.end(error instanceof RstoreError ? error.reason : "internal");
    throw error;
  }
}

interface NamedOptions<O extends DescMessage> extends UnaryOptions<O> {
  readonly requestId: string;
  readonly span: CallSpan | undefined;
}

async function callUntilDone<I extends DescMessage, O extends DescMessage>(
  endpoints: Endpoints,
  method: DescMethodUnary<I, O>,
  request: MessageInitShape<I>,
  options: NamedOptions<O>,
): Promise<MessageShape<O>> {
  const path = `/${method.parent.typeName}/${method.name}`;
  const body = toBinary(method.input, create(method.input, request));
  const beganMs = performance.now();
  const deadlineMs = beganMs + options.timeoutMs;
  for (let attempts = 1; ; attempts++) {
    throwIfCanceled(options, false);
    const nowMs = performance.now();
    const endpoint = options.pick(nowMs);
    const remainingMs = Math.max(1, deadlineMs - nowMs);
    const { tracing, span, requestId } = options;
    const sent = span === undefined ? undefined : tracing?.request(path, endpoint.connection.url, [span]);
    try {
      const call = endpoint.connection.call(path, body, {
        timeoutMs: remainingMs,
        serverTimeoutMs: serverTimeoutMs(remainingMs),
        requestId,
        traceParent: sent?.traceParent,
      });
      const response = fromBinary(method.output, await unlessAborted(call, options.signal));
      sent?.end();
      endpoints.succeeded(endpoint);
      endpoints.observe(options.header(response));
      return response;
    } catch (cause) {
      const error = namedAttemptError(attemptErrorFrom(cause), requestId);
      sent?.end(error.reason);
      throwIfCanceled(options, true);
      const failedMs = performance.now();
      if (error.endpointFailed) endpoints.failed(endpoint, failedMs);
      endpoints.observeError(error.facts);
      const decision = decideRetry({
        write: options.write,
        error,
        attempts,
        elapsedMs: failedMs - beganMs,
        remainingMs: deadlineMs - failedMs,
        random: Math.random(),
      });
      if (decision.type === "fail") throw decision.error;
      await new Promise((resolve) => setTimeout(resolve, decision.afterMs));
    }
  }
}

function throwIfCanceled(options: { signal?: AbortSignal; write: boolean }, sent: boolean): void {
  if (options.signal?.aborted !== true) return;
  throw new RstoreError("canceled", "the call was given up by its caller", {
    outcome: sent && options.write ? "unknown" : "not-applied",
    cause: options.signal.reason,
  });
}

/** Rejects as soon as the signal fires; the request itself runs out unheard. */
async function unlessAborted<T>(call: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return call;
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([call, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
    call.catch(() => {});
  }
}

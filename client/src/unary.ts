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
import type { Endpoint, Endpoints } from "./endpoints.ts";
import { RstoreError } from "./errors.ts";
import { attemptErrorFrom, serverTimeoutMs } from "./lane.ts";
import { decideRetry } from "./retry.ts";

export interface UnaryOptions<O extends DescMessage> {
  readonly write: boolean;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  readonly pick: (nowMs: number) => Endpoint;
  readonly header: (response: MessageShape<O>) => ResponseHeader | undefined;
}

/** A call in a request of its own, tried again by the same rules as operations in batches. */
export async function callUnary<I extends DescMessage, O extends DescMessage>(
  endpoints: Endpoints,
  method: DescMethodUnary<I, O>,
  request: MessageInitShape<I>,
  options: UnaryOptions<O>,
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
    try {
      const call = endpoint.connection.call(path, body, remainingMs, serverTimeoutMs(remainingMs));
      const response = fromBinary(method.output, await unlessAborted(call, options.signal));
      endpoints.succeeded(endpoint);
      endpoints.observe(options.header(response));
      return response;
    } catch (cause) {
      throwIfCanceled(options, true);
      const error = attemptErrorFrom(cause);
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

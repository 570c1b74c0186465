import { type ContextKey, createContextKey, type HandlerContext } from "@connectrpc/connect";
import type { Logger } from "../log.ts";
import type { CallOptions, ReplicaError, RpcLimits } from "../runtime/replica-api.ts";
import type { RequestContext } from "../runtime/request-context.ts";
import { deadlineFrom } from "./deadline.ts";
import { connectErrorFromReplicaError, replicaErrorFromUnknown } from "./errors.ts";

/** What the client port hands to a service with a call. */
export interface Call {
  readonly deadlineMs: number;
  readonly request: RequestContext;
  /** Set when the call is turned away before its body is read. */
  readonly refusal: ReplicaError | undefined;
}

export const callKey: ContextKey<Call | undefined> = createContextKey<Call | undefined>(undefined, {
  description: "rstore call",
});

/** What every service is made of. */
export interface ServiceOptions {
  readonly limits: RpcLimits;
  readonly log?: Logger | undefined;
}

/** Runs a unary call: gives it its deadline, and turns what it throws into what a caller is told. */
export async function answerCall<Response>(
  context: HandlerContext,
  options: ServiceOptions,
  run: (deadlineMs: number, call: CallOptions) => Promise<Response> | Response,
): Promise<Response> {
  const { limits } = options;
  const call = context.values.get(callKey);
  const deadlineMs = call?.deadlineMs ?? deadlineFrom(performance.now(), context.timeoutMs(), limits);
  try {
    return await run(deadlineMs, call === undefined ? { deadlineMs } : callOptions(deadlineMs, call.request));
  } catch (thrown) {
    const error = reportInternal(thrown, context.method.name, { log: options.log, request: call?.request });
    throw connectErrorFromReplicaError(error);
  }
}

export function callOptions(deadlineMs: number, request: RequestContext): CallOptions {
  return { deadlineMs, requests: [request] };
}

export interface ReportTo {
  readonly log: Logger | undefined;
  readonly request: RequestContext | undefined;
}

/** A caller that is told to slow down: whoever runs the replica should know, too. */
function reportRefusal({ detail }: ReplicaError, method: string, { log, request }: ReportTo): void {
  log?.record("request.refused", {
    request: request?.id,
    method,
    limit: detail.subject,
    most: detail.limit,
  });
}

/** The caller is not shown what is inside the replica; the log is. */
export function reportInternal(thrown: unknown, method: string, { log, request }: ReportTo): ReplicaError {
  const error = replicaErrorFromUnknown(thrown);
  if (error.reason === "limit-exceeded") reportRefusal(error, method, { log, request });
  if (error.reason !== "internal") return error;
  log?.record("request.failed", { request: request?.id, method, err: error.cause ?? error });
  return error;
}

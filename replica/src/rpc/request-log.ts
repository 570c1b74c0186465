import type { Logger } from "../log.ts";
import type { RequestContext } from "../runtime/request-context.ts";
import type { CallerHeaders, RequestIntake } from "../runtime/request-intake.ts";

export interface RequestLogOptions {
  readonly intake: RequestIntake;
  readonly slowRequestMs: number;
  readonly log?: Logger | undefined;
}

/** The header that names a request, in both directions. */
export const requestIdHeader = "x-request-id";

/** Each call of a client by its name: from its headers, before anything of it is read, to its answer. */
export class RequestLog {
  readonly #options: RequestLogOptions;

  constructor(options: RequestLogOptions) {
    this.#options = options;
  }

  begin(headers: Readonly<Record<string, unknown>>, method: string): RequestContext {
    const { intake, log } = this.#options;
    const request = intake.admit(callerHeaders(headers), method);
    if (log?.isDebug) log.record("request.received", { request: request.id, method });
    return request;
  }

  /** `code` is `ok` or a Connect code such as `unavailable`. */
  finished(request: RequestContext, method: string, code: string, arrivedMs: number): void {
    request.span?.end(code === "ok" ? undefined : code);
    const { log, slowRequestMs } = this.#options;
    if (log === undefined) return;
    const tookMs = performance.now() - arrivedMs;
    if (log.isDebug) log.record("request.answered", { request: request.id, method, code, tookMs });
    if (tookMs < slowRequestMs) return;
    const { proposedMs, appliedMs, index } = request;
    log.record("request.slow", {
      request: request.id,
      method,
      code,
      tookMs,
      queuedMs: proposedMs === 0 ? undefined : proposedMs - arrivedMs,
      replicatedMs: appliedMs === 0 ? undefined : appliedMs - proposedMs,
      index: index === 0n ? undefined : index,
    });
  }
}

function callerHeaders(headers: Readonly<Record<string, unknown>>): CallerHeaders {
  return { requestId: headers[requestIdHeader], traceParent: headers.traceparent };
}

import { formatTraceParent, parseTraceParent } from "../tracing/trace-parent.ts";
import type { Span, SpanAttributes, Tracing } from "../tracing/types.ts";
import type { RequestOrigin } from "../transport/types.ts";
import { RequestContext } from "./request-context.ts";
import { createRequestIds, requestIdFrom } from "./request-id.ts";

/** What a caller sent that says who asks; unchecked. */
export interface CallerHeaders {
  readonly requestId: unknown;
  readonly traceParent: unknown;
}

interface RequestIntakeOptions {
  readonly random: () => number;
  readonly tracing?: Tracing | undefined;
}

/** Gives each request its name and, where traces are on, its first span. */
export class RequestIntake {
  readonly #makeId: () => string;
  readonly #tracing: Tracing | undefined;

  constructor({ random, tracing }: RequestIntakeOptions) {
    this.#makeId = createRequestIds(random);
    this.#tracing = tracing;
  }

  /** A call of a client. */
  admit({ requestId, traceParent }: CallerHeaders, name: string): RequestContext {
    const parent = traceParent === undefined ? undefined : parseTraceParent(traceParent);
    const id = requestIdFrom(requestId) ?? parent?.traceId ?? this.#makeId();
    const sent = parent === undefined ? "" : formatTraceParent(parent);
    if (this.#tracing === undefined) return new RequestContext(id, sent, undefined);
    return new RequestContext(id, sent, this.#serve(name, sent, { "rstore.request_id": id }));
  }

  /** A write that another member passes on. Where that has no trace of it, none is begun here. */
  admitForwarded({ id, traceParent }: RequestOrigin, name: string): RequestContext {
    const parent = parseTraceParent(traceParent);
    const sent = parent === undefined ? "" : formatTraceParent(parent);
    const known = requestIdFrom(id) ?? "unnamed";
    const span = sent === "" ? undefined : this.#serve(name, sent, { "rstore.request_id": known });
    return new RequestContext(known, sent, span);
  }

  #serve(name: string, traceParent: string, attributes: SpanAttributes): Span | undefined {
    return this.#tracing?.serve({ name, traceParent: traceParent || undefined, attributes });
  }
}

import {
  type Context,
  context,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  type TracerProvider,
  trace,
} from "@opentelemetry/api";
import { version } from "../version.ts";
import type { CallSpan, ClientTracing, RequestSpan } from "./types.ts";

/**
 * Spans of a client's calls and requests, for the option `tracing` of `Client`. A call is a child of the span
 * that is active where it is made; the request that carries it names itself to the replica in the header
 * `traceparent`. `provider`: the one that is registered with the API by default.
 */
export function openTelemetryTracing(provider: TracerProvider = trace.getTracerProvider()): ClientTracing {
  return new OpenTelemetryTracing(provider.getTracer("@rstore/client", version));
}

class OpenTelemetryTracing implements ClientTracing {
  readonly #tracer: Tracer;

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  call(name: string): CallSpan {
    return new SpanOfCall(this.#tracer.startSpan(`rstore ${name}`, {}, context.active()));
  }

  request(path: string, url: string, calls: readonly CallSpan[]): RequestSpan {
    const [first, ...others] = calls.filter((call) => call instanceof SpanOfCall);
    const { hostname, port } = new URL(url);
    const options = {
      kind: SpanKind.CLIENT,
      attributes: { "server.address": hostname, "server.port": Number(port) },
      links: others.map(({ span }) => ({ context: span.spanContext() })),
    };
    const parent: Context = first === undefined ? ROOT_CONTEXT : trace.setSpan(ROOT_CONTEXT, first.span);
    return new SpanOfRequest(this.#tracer.startSpan(path.slice(1), options, parent));
  }
}

class SpanOfCall implements CallSpan {
  readonly span: Span;

  constructor(span: Span) {
    this.span = span;
  }

  end(problem?: string): void {
    endSpan(this.span, problem);
  }
}

class SpanOfRequest implements RequestSpan {
  readonly #span: Span;

  constructor(span: Span) {
    this.#span = span;
  }

  /** https://www.w3.org/TR/trace-context/#traceparent-header */
  get traceParent(): string | undefined {
    const spanContext = this.#span.spanContext();
    if (!isSpanContextValid(spanContext)) return undefined;
    const flags = (spanContext.traceFlags & 1).toString().padStart(2, "0");
    return `00-${spanContext.traceId}-${spanContext.spanId}-${flags}`;
  }

  end(problem?: string): void {
    endSpan(this.#span, problem);
  }
}

function endSpan(span: Span, problem: string | undefined): void {
  if (problem !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: problem });
  span.end();
}

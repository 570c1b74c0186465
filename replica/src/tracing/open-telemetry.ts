import {
  type Context,
  type Span as OtelSpan,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { ReportingExporter } from "./reporting-exporter.ts";
import type { TracingOptions } from "./start-tracing.ts";
import { formatTraceParent, parseTraceParent } from "./trace-parent.ts";
import type { ChildSpan, ServedCall, Span, SpanAttributes, Tracing } from "./types.ts";

/** Spans that wait to be sent; what is more is lost. */
const QUEUE_MAX_SPANS = 4096;
const EXPORT_MAX_SPANS = 512;
const EXPORT_EVERY_MS = 1000;
const EXPORT_TIMEOUT_MS = 5000;
/** A collector that does not answer must not hold up the end of the process. */
const STOP_MAX_MS = 2000;

/** Traces by OpenTelemetry's SDK, sent by OTLP over HTTP. */
export class OpenTelemetryTracing implements Tracing {
  readonly #provider: TracerProvider;
  readonly #tracer: Tracer;

  constructor({ traceEndpoint, traceSampleRatio, name, version, log }: TracingOptions) {
    const exporter = new OTLPTraceExporter({ url: traceEndpoint, timeoutMillis: EXPORT_TIMEOUT_MS });
    this.#provider = new TracerProvider({
      resource: resourceFromAttributes({
        "service.name": "rstore",
        "service.instance.id": name,
        "service.version": version,
      }),
      sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(traceSampleRatio) }),
      spanProcessors: [
        new BatchSpanProcessor({
          exporter: new ReportingExporter(exporter, log),
          maxQueueSize: QUEUE_MAX_SPANS,
          maxExportBatchSize: EXPORT_MAX_SPANS,
          scheduledDelayMillis: EXPORT_EVERY_MS,
          exportTimeoutMillis: 2 * EXPORT_TIMEOUT_MS,
        }),
      ],
    });
    this.#tracer = this.#provider.getTracer("rstore", version);
  }

  serve({ name, traceParent, attributes }: ServedCall): Span | undefined {
    const options = { kind: SpanKind.SERVER, attributes };
    const span = this.#tracer.startSpan(name, options, contextFrom(traceParent));
    return span.isRecording() ? new TracedSpan(this.#tracer, span) : undefined;
  }

  async stop(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, STOP_MAX_MS);
    });
    // What could not be sent was reported.
    await Promise.race([this.#provider.shutdown().catch(() => {}), late]);
    clearTimeout(timer);
  }
}

function contextFrom(traceParent: string | undefined): Context {
  const parent = traceParent === undefined ? undefined : parseTraceParent(traceParent);
  if (parent === undefined) return ROOT_CONTEXT;
  const { traceId, spanId, flags } = parent;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: flags & 1, isRemote: true });
}

class TracedSpan implements Span {
  readonly #tracer: Tracer;
  readonly #span: OtelSpan;
  #isOver = false;

  constructor(tracer: Tracer, span: OtelSpan) {
    this.#tracer = tracer;
    this.#span = span;
  }

  get traceParent(): string {
    const { traceId, spanId, traceFlags } = this.#span.spanContext();
    return formatTraceParent({ traceId, spanId, flags: traceFlags });
  }

  child(name: string, { attributes, startMs, isCall }: ChildSpan = {}): Span {
    const options = {
      kind: isCall === true ? SpanKind.CLIENT : SpanKind.INTERNAL,
      ...(attributes !== undefined && { attributes }),
      ...(startMs !== undefined && { startTime: startMs }),
    };
    const span = this.#tracer.startSpan(name, options, trace.setSpan(ROOT_CONTEXT, this.#span));
    return new TracedSpan(this.#tracer, span);
  }

  set(attributes: SpanAttributes): void {
    if (!this.#isOver) this.#span.setAttributes(attributes);
  }

  end(problem?: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (problem !== undefined) this.#span.setStatus({ code: SpanStatusCode.ERROR, message: problem });
    this.#span.end();
  }
}

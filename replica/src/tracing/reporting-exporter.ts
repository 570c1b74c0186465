import type { SpanExporter } from "@opentelemetry/sdk-trace";
import type { Logger } from "../log.ts";

type Spans = Parameters<SpanExporter["export"]>[0];
type Told = Parameters<SpanExporter["export"]>[1];

/** Says, once in a while, that spans could not be sent. */
export class ReportingExporter implements SpanExporter {
  readonly #exporter: SpanExporter;
  readonly #log: Logger;

  constructor(exporter: SpanExporter, log: Logger) {
    this.#exporter = exporter;
    this.#log = log;
  }

  export(spans: Spans, told: Told): void {
    this.#exporter.export(spans, (result) => {
      // 0 is success; the enumeration is in a package of which only the types are here.
      if (result.code !== 0) {
        const reason = result.error?.message ?? "no reason was given";
        this.#log.record("trace.export.failed", { spans: spans.length, reason });
      }
      told(result);
    });
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown();
  }

  async forceFlush(): Promise<void> {
    await this.#exporter.forceFlush?.();
  }
}

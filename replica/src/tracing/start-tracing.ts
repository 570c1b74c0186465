import type { Logger } from "../log.ts";
import type { Tracing } from "./types.ts";

export interface TracingOptions {
  /** OTLP/HTTP URL; empty: no traces. */
  readonly traceEndpoint: string;
  /** Of the requests that bring no trace context, in [0, 1]. */
  readonly traceSampleRatio: number;
  /** Of the replica, and of the program. */
  readonly name: string;
  readonly version: string;
  readonly log: Logger;
}

/** Loads what makes traces, only where they are wanted. */
export async function startTracing(options: TracingOptions): Promise<Tracing | undefined> {
  const { traceEndpoint, traceSampleRatio, log } = options;
  if (traceEndpoint === "") return undefined;
  const { OpenTelemetryTracing } = await import("./open-telemetry.ts");
  log.record("trace.on", {
    endpoint: withoutCredentials(traceEndpoint),
    sampleRatio: traceSampleRatio,
  });
  return new OpenTelemetryTracing(options);
}

function withoutCredentials(endpoint: string): string {
  const url = new URL(endpoint);
  return `${url.origin}${url.pathname}`;
}

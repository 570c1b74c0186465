/** A call of the library, with all its attempts. */
export interface CallSpan {
  /** Once; `problem`: the reason that it failed with. */
  end(problem?: string): void;
}

/** One request to a replica. */
export interface RequestSpan {
  /** Goes with it as the header `traceparent`; undefined: nothing does. */
  readonly traceParent: string | undefined;
  end(problem?: string): void;
}

/** What the library tells of its calls; `@rstore/client/tracing` makes one for OpenTelemetry. */
export interface ClientTracing {
  /** Begins a call; called in the caller's own turn, so that it may find the caller's span. */
  call(name: string): CallSpan;
  /** Begins a request, which may carry several calls. */
  request(path: string, url: string, calls: readonly CallSpan[]): RequestSpan;
}

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

export interface ChildSpan {
  readonly attributes?: SpanAttributes;
  /** On the clock of `performance.now()`; now by default. */
  readonly startMs?: number;
  /** It is a call to another process. */
  readonly isCall?: boolean;
}

/** A stage of a request that is traced. */
export interface Span {
  /** For the header `traceparent` of what this stage calls. */
  readonly traceParent: string;
  child(name: string, options?: ChildSpan): Span;
  set(attributes: SpanAttributes): void;
  /** Once; what comes later changes nothing. `problem`: why the stage failed, without keys or values. */
  end(problem?: string): void;
}

export interface ServedCall {
  /** Service and method. */
  readonly name: string;
  /** As the caller sent it, checked. */
  readonly traceParent: string | undefined;
  readonly attributes: SpanAttributes;
}

/** Traces as the replica makes them. Where there is none, nothing is traced and nothing is loaded. */
export interface Tracing {
  /** A call that arrived; undefined: it is not sampled. */
  serve(call: ServedCall): Span | undefined;
  /** Sends what waits, for a moment. */
  stop(): Promise<void>;
}

import type { Span } from "../tracing/types.ts";

/** Of a message to the leader, and of a line of the log: what is more is not named. */
export const REQUESTS_NAMED_MAX = 64;

/** One request of a client, from the port to the apply: whose lines and spans belong together. */
export class RequestContext {
  /** Sent by the caller in `x-request-id`, or made by the replica that it called. */
  readonly id: string;
  /** Set when it is traced here. */
  readonly span: Span | undefined;
  /** What the caller sent, for when it is traced elsewhere; empty: nothing. */
  readonly #traceParent: string;
  /** When its write was put into an entry here, and when that was applied; 0: not yet, or not here. */
  proposedMs = 0;
  appliedMs = 0;
  /** Of that entry. */
  index = 0n;

  constructor(id: string, traceParent: string, span: Span | undefined) {
    this.id = id;
    this.span = span;
    this.#traceParent = traceParent;
  }

  /** What goes to another process with it. */
  get traceParent(): string {
    return this.span?.traceParent ?? this.#traceParent;
  }
}

/** The ids of requests, for a line of the log. */
export function namesOf(requests: readonly RequestContext[]): string {
  const names = requests.slice(0, REQUESTS_NAMED_MAX).map(({ id }) => id);
  const more = requests.length - names.length;
  return more > 0 ? `${names.join(" ")} and ${more} more` : names.join(" ");
}

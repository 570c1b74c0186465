import type { Logger } from "../log.ts";
import type { Entry } from "../raft/types.ts";
import type { Clock } from "./clock.ts";
import { namesOf, type RequestContext } from "./request-context.ts";
import type { WriteTrace } from "./write-trace.ts";

/** Entries of traced writes that are followed at once; the others' traces end with their proposal. */
const ENTRIES_MAX = 1000;

/** What the stages want to know of a write. */
interface StagedWrite {
  readonly requests: readonly RequestContext[];
  readonly traces: readonly WriteTrace[];
}

interface TracedEntry {
  readonly term: bigint;
  readonly traces: readonly WriteTrace[];
}

interface RequestStagesParts {
  readonly clock: Pick<Clock, "nowMs">;
  readonly log: Logger;
}

/**
 * Tells of the stages of requests on their way through the log of this leader: times for a slow request's line,
 * debug lines, and spans of those that are traced. Lives in memory only: the log does not know whose writes it holds.
 */
export class RequestStages {
  readonly #clock: Pick<Clock, "nowMs">;
  readonly #log: Logger;
  /** By index; the newest term's, where a leader proposed twice at one. */
  readonly #traced = new Map<bigint, TracedEntry>();

  constructor({ clock, log }: RequestStagesParts) {
    this.#clock = clock;
    this.#log = log;
  }

  proposed(index: bigint, term: bigint, writes: readonly StagedWrite[]): void {
    const nowMs = this.#clock.nowMs();
    let isTraced = false;
    for (const { requests, traces } of writes) {
      for (const request of requests) {
        request.proposedMs = nowMs;
        request.index = index;
      }
      if (traces.length > 0) isTraced = true;
    }
    if (this.#log.isDebug) {
      this.#log.record("request.proposed", { index, term, requests: namesOf(requestsOf(writes)) });
    }
    if (isTraced) this.#trace(index, term, writes);
  }

  #trace(index: bigint, term: bigint, writes: readonly StagedWrite[]): void {
    const traces = writes.flatMap((write) => write.traces);
    for (const trace of traces) trace.proposed(index, term);
    if (this.#traced.size < ENTRIES_MAX) this.#traced.set(index, { term, traces });
  }

  /** The disk begins to write entries; returns what to call when they are durable. */
  flushing(entries: readonly Entry[]): (() => void) | undefined {
    if (this.#traced.size === 0) return undefined;
    const traces = entries.flatMap((entry) => this.#tracesOf(entry));
    if (traces.length === 0) return undefined;
    const spans = traces.map((trace) => trace.flushing(entries.length));
    return () => {
      for (const span of spans) span.end();
    };
  }

  committed(entries: readonly Entry[]): void {
    if (this.#traced.size === 0) return;
    for (const entry of entries) for (const trace of this.#tracesOf(entry)) trace.committed();
  }

  /** When an entry that may be traced begins to be applied; for `applied`. */
  startMs(): number {
    return this.#traced.size === 0 ? 0 : this.#clock.nowMs();
  }

  applied(entry: Entry, startMs: number, writes: readonly StagedWrite[]): void {
    const nowMs = this.#clock.nowMs();
    for (const { requests } of writes) for (const request of requests) request.appliedMs = nowMs;
    const { index, term } = entry;
    if (this.#log.isDebug && writes.length > 0) {
      this.#log.record("request.applied", { index, term, requests: namesOf(requestsOf(writes)) });
    }
    if (this.#traced.size === 0) return;
    for (const trace of this.#tracesOf(entry)) trace.applied(startMs);
  }

  /** An entry was applied at this index: whatever else was proposed there never will be. */
  settled(index: bigint): void {
    if (this.#traced.size > 0) this.#traced.delete(index);
  }

  /** Nothing is known any more of what was proposed up to an index. */
  skipped(throughIndex: bigint): void {
    for (const index of this.#traced.keys()) if (index <= throughIndex) this.#traced.delete(index);
  }

  #tracesOf({ index, term }: Entry): readonly WriteTrace[] {
    const traced = this.#traced.get(index);
    return traced?.term === term ? traced.traces : [];
  }
}

function requestsOf(writes: readonly StagedWrite[]): RequestContext[] {
  return writes.flatMap(({ requests }) => requests);
}

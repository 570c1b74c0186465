import type { ReadFailure, ReadState } from "../raft/types.ts";
import type { RuntimeLimits } from "./limits.ts";
import { ReplicaError } from "./replica-api.ts";
import { noMetrics, type RuntimeMetrics } from "./runtime-metrics.ts";

interface WaitingRead {
  readonly deadlineMs: number;
  readonly resolve: () => void;
  readonly reject: (error: ReplicaError) => void;
  settled: boolean;
}

interface ReadRound {
  readonly reads: readonly WaitingRead[];
  readonly sinceMs: number;
  /** Set when the leader confirmed: served once this index is applied. */
  index: bigint | undefined;
}

/**
 * Reads that wait until this member may answer them linearizably. All that wait at the start of a turn share
 * one read-index request; a read never joins a request that has left (A11). What fails is asked again until
 * its deadline.
 */
export class LinearizableReads {
  readonly #limits: RuntimeLimits;
  readonly #nowMs: () => number;
  readonly #metrics: RuntimeMetrics;
  #waiting: WaitingRead[] = [];
  readonly #rounds = new Map<bigint, ReadRound>();
  #nextRequestId = 1n;
  #count = 0;
  #closed: ReplicaError | undefined;

  /** On whatever clock; only differences count. */
  constructor(limits: RuntimeLimits, nowMs: () => number = () => 0, metrics: RuntimeMetrics = noMetrics) {
    this.#limits = limits;
    this.#nowMs = nowMs;
    this.#metrics = metrics;
  }

  get pending(): number {
    return this.#count;
  }

  add(deadlineMs: number): Promise<void> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    if (this.#count >= this.#limits.readsWaitingMax) {
      return Promise.reject(
        new ReplicaError("limit-exceeded", "too many reads wait for the leader: slow down and try again", {
          detail: { subject: "readsWaitingMax", limit: this.#limits.readsWaitingMax },
        }),
      );
    }
    this.#count += 1;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ deadlineMs, resolve, reject, settled: false });
    });
  }

  /** Starts a request for what waits, unless enough are under way. */
  request(readIndex: (requestId: bigint) => void): void {
    if (this.#waiting.length === 0 || this.#rounds.size >= this.#limits.readRequestsMax) return;
    const requestId = this.#nextRequestId;
    this.#nextRequestId += 1n;
    this.#rounds.set(requestId, { reads: this.#waiting, sinceMs: this.#nowMs(), index: undefined });
    this.#metrics.readRounds.increment();
    this.#waiting = [];
    readIndex(requestId);
  }

  confirmed(states: readonly ReadState[]): void {
    for (const state of states) {
      const round = this.#rounds.get(state.requestId);
      if (round !== undefined) round.index = state.index;
    }
  }

  /** The leader changed or did not answer: its reads wait for the next request. */
  failed(failures: readonly ReadFailure[]): void {
    for (const failure of failures) {
      const round = this.#rounds.get(failure.requestId);
      if (round === undefined) continue;
      this.#metrics.readFailures.labels({ reason: failure.reason }).increment();
      this.#rounds.delete(failure.requestId);
      for (const read of round.reads) if (!read.settled) this.#waiting.push(read);
    }
  }

  /** Serves what waited for an index that is applied now. */
  serve(appliedIndex: bigint): void {
    for (const [requestId, round] of this.#rounds) {
      if (round.index === undefined || round.index > appliedIndex) continue;
      this.#rounds.delete(requestId);
      this.#metrics.readDuration.observe((this.#nowMs() - round.sinceMs) / 1000);
      for (const read of round.reads) this.#settle(read, undefined);
    }
  }

  expire(nowMs: number): void {
    if (this.#count === 0) return;
    const late = (read: WaitingRead): boolean => !read.settled && read.deadlineMs <= nowMs;
    if (this.#waiting.some(late)) {
      for (const read of this.#waiting) if (late(read)) this.#settle(read, expiredError());
      this.#waiting = this.#waiting.filter((read) => !read.settled);
    }
    for (const { reads } of this.#rounds.values()) {
      for (const read of reads) if (late(read)) this.#settle(read, expiredError());
    }
  }

  close(error: ReplicaError): void {
    this.#closed = error;
    for (const read of this.#waiting) this.#settle(read, error);
    for (const { reads } of this.#rounds.values()) for (const read of reads) this.#settle(read, error);
    this.#waiting = [];
    this.#rounds.clear();
  }

  #settle(read: WaitingRead, error: ReplicaError | undefined): void {
    if (read.settled) return;
    read.settled = true;
    this.#count -= 1;
    if (error === undefined) read.resolve();
    else read.reject(error);
  }
}

function expiredError(): ReplicaError {
  return new ReplicaError(
    "deadline-exceeded",
    "no leader confirmed the read before its deadline: a majority of the members may be down or cut off",
  );
}

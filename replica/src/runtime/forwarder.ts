import { commandMaxKeys, commandSizeBytes, encodeCommandBatch } from "../apply/command.ts";
import type { WriteOperation } from "../apply/operation.ts";
import type { Logger } from "../log.ts";
import { ENTRY_DELETE_MAX_KEYS } from "../mvcc/limits.ts";
import type { MemberId } from "../raft/types.ts";
import type { Span } from "../tracing/types.ts";
import { ForwardError, type PeerTransport, type RequestOrigin } from "../transport/types.ts";
import type { Clock } from "./clock.ts";
import { decodeOutcomes } from "./forwarding-codec.ts";
import type { RuntimeLimits } from "./limits.ts";
import { formatId } from "./membership.ts";
import { expiredError, unknownOutcomeError } from "./proposals.ts";
import { type CallOptions, ReplicaError, type WriteOutcome } from "./replica-api.ts";
import { namesOf, REQUESTS_NAMED_MAX, type RequestContext } from "./request-context.ts";

interface ForwarderParts {
  readonly transport: Pick<PeerTransport, "forward">;
  readonly clock: Clock;
  readonly limits: RuntimeLimits;
  readonly log?: Logger;
}

const NONE: readonly never[] = [];

interface WaitingForward {
  readonly operations: readonly WriteOperation[];
  readonly sizeBytes: number;
  /** Keys that it may change at most. */
  readonly maxKeys: number;
  readonly deadlineMs: number;
  readonly requests: readonly RequestContext[];
  readonly resolve: (outcomes: readonly WriteOutcome[]) => void;
  readonly reject: (error: ReplicaError) => void;
  settled: boolean;
}

/**
 * Passes a follower's writes on to the leader. Calls that wait at the same time share a message; a few
 * messages are under way at once, in no order that callers could rely on.
 */
export class Forwarder {
  readonly #transport: Pick<PeerTransport, "forward">;
  readonly #clock: Clock;
  readonly #limits: RuntimeLimits;
  readonly #log: Logger | undefined;
  #queue: WaitingForward[] = [];
  #queueBytes = 0;
  readonly #sent = new Set<readonly WaitingForward[]>();
  #scheduled = false;
  #leader: MemberId | undefined;
  #closed: ReplicaError | undefined;

  constructor({ transport, clock, limits, log }: ForwarderParts) {
    this.#limits = limits;
    this.#transport = transport;
    this.#clock = clock;
    this.#log = log;
  }

  forward(
    leader: MemberId,
    operations: readonly WriteOperation[],
    { deadlineMs, requests = NONE }: CallOptions,
  ): Promise<readonly WriteOutcome[]> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    this.#leader = leader;
    let sizeBytes = 0;
    let maxKeys = 0;
    for (const operation of operations) {
      sizeBytes += commandSizeBytes(operation);
      maxKeys += commandMaxKeys(operation);
    }
    if (this.#queueBytes + sizeBytes > this.#limits.proposalQueueMaxBytes) {
      return Promise.reject(
        new ReplicaError("limit-exceeded", "too many writes wait to be passed on to the leader: slow down", {
          outcome: "not-applied",
          detail: { subject: "proposalQueueMaxBytes", limit: this.#limits.proposalQueueMaxBytes },
        }),
      );
    }
    this.#queueBytes += sizeBytes;
    return new Promise((resolve, reject) => {
      const write = { operations, sizeBytes, maxKeys, deadlineMs, requests };
      this.#queue.push({ ...write, resolve, reject, settled: false });
      this.#schedule();
    });
  }

  /** The replica ends: what was sent may have been applied. */
  close(error: ReplicaError): void {
    this.#closed = error;
    for (const waiting of this.#queue) fail(waiting, error);
    this.#queue = [];
    this.#queueBytes = 0;
    for (const batch of this.#sent) {
      for (const waiting of batch)
        fail(waiting, unknownOutcomeError("the replica stopped before the leader answered"));
    }
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#clock.soon(() => {
      this.#scheduled = false;
      this.#sendWaiting();
    });
  }

  #sendWaiting(): void {
    while (this.#queue.length > 0 && this.#sent.size < this.#limits.forwardsUnderWayMax) {
      const batch = this.#nextBatch();
      this.#sent.add(batch);
      this.#send(batch).finally(() => {
        this.#sent.delete(batch);
        this.#schedule();
      });
    }
  }

  /** Answers whose deadline has passed. */
  expire(nowMs: number): void {
    const late = (waiting: WaitingForward): boolean => !waiting.settled && waiting.deadlineMs <= nowMs;
    if (this.#queue.some(late)) {
      for (const waiting of this.#queue) if (late(waiting)) fail(waiting, expiredError());
      this.#queue = this.#queue.filter((waiting) => {
        if (waiting.settled) this.#queueBytes -= waiting.sizeBytes;
        return !waiting.settled;
      });
    }
    for (const batch of this.#sent) {
      for (const waiting of batch) {
        if (late(waiting))
          fail(waiting, unknownOutcomeError("the leader did not answer before the deadline"));
      }
    }
  }

  /** The leader proposes a batch as one entry: what shares it must not use up each other's limits there. */
  #nextBatch(): WaitingForward[] {
    const batch: WaitingForward[] = [];
    let bytes = 0;
    let keys = 0;
    let operations = 0;
    for (const waiting of this.#queue) {
      const full =
        bytes + waiting.sizeBytes > this.#limits.forwardTargetBytes ||
        operations + waiting.operations.length > this.#limits.entryMaxOperations ||
        keys + waiting.maxKeys > ENTRY_DELETE_MAX_KEYS;
      if (batch.length > 0 && full) break;
      batch.push(waiting);
      bytes += waiting.sizeBytes;
      keys += waiting.maxKeys;
      operations += waiting.operations.length;
    }
    this.#queue.splice(0, batch.length);
    this.#queueBytes -= bytes;
    return batch;
  }

  #pass(leader: MemberId, batch: readonly WaitingForward[]): Passing {
    const requests = batch.flatMap((waiting) => waiting.requests);
    if (this.#log?.isDebug) {
      this.#log.record("request.forwarded", { to: formatId(leader), requests: namesOf(requests) });
    }
    const spans: Span[] = [];
    const origins = requests.slice(0, REQUESTS_NAMED_MAX).map((request): RequestOrigin => {
      const span = request.span?.child("rstore.forward", { isCall: true });
      if (span !== undefined) spans.push(span);
      return { id: request.id, traceParent: span?.traceParent ?? request.traceParent };
    });
    return {
      origins,
      ended(problem) {
        for (const span of spans) span.end(problem);
      },
    };
  }

  async #send(batch: readonly WaitingForward[]): Promise<void> {
    const operations = batch.flatMap((waiting) => waiting.operations);
    const deadlineMs = Math.max(...batch.map((waiting) => waiting.deadlineMs));
    const leader = this.#leader!;
    const passing = this.#pass(leader, batch);
    try {
      const command = encodeCommandBatch({ originTimeMs: this.#clock.wallMs(), operations });
      const answered = await this.#transport.forward(leader, command, deadlineMs, passing.origins);
      passing.ended();
      const outcomes = decodeOutcomes(answered);
      if (outcomes.length !== operations.length)
        throw new Error("the leader answered another number of operations");
      let at = 0;
      for (const waiting of batch) {
        answer(waiting, outcomes.slice(at, at + waiting.operations.length));
        at += waiting.operations.length;
      }
    } catch (error) {
      const failure = forwardFailure(error);
      passing.ended(failure.reason);
      for (const waiting of batch) fail(waiting, failure);
    }
  }
}

/** Whose writes a message holds, as far as it names them, and their spans. */
interface Passing {
  readonly origins: readonly RequestOrigin[];
  ended(problem?: string): void;
}

/** What the leader refused as a whole because it no longer leads fails as a whole: it is tried elsewhere. */
function answer(waiting: WaitingForward, outcomes: readonly WriteOutcome[]): void {
  const [first] = outcomes;
  if (first?.type === "failed" && isWorthRetrying(first.error)) {
    fail(waiting, first.error);
  } else if (!waiting.settled) {
    waiting.settled = true;
    waiting.resolve(outcomes);
  }
}

function fail(waiting: WaitingForward, error: ReplicaError): void {
  if (waiting.settled) return;
  waiting.settled = true;
  waiting.reject(error);
}

function forwardFailure(error: unknown): ReplicaError {
  if (error instanceof ForwardError && !error.sent) {
    return new ReplicaError(
      "no-leader",
      "the leader can't be reached: the write was not applied; try again",
      {
        outcome: "not-applied",
        cause: error,
      },
    );
  }
  return unknownOutcomeError(`the leader did not answer (${(error as Error).message})`);
}

/** Certainly not applied, because leadership moved: another leader may take it. */
export function isWorthRetrying(error: unknown): boolean {
  return (
    error instanceof ReplicaError &&
    error.outcome === "not-applied" &&
    (error.reason === "not-leader" || error.reason === "no-leader" || error.reason === "shutting-down")
  );
}

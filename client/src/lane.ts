import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  BatchRequestSchema,
  type BatchResponse,
  BatchResponseSchema,
  type Operation,
  type OperationResult,
} from "@rstore/proto/rstore/v1/kv";
import { AttemptError, attemptErrorFromAnswer, namedAttemptError } from "./attempt-error.ts";
import type { Endpoint, Endpoints } from "./endpoints.ts";
import { RstoreError } from "./errors.ts";
import { headerFrom } from "./operations.ts";
import { nextRequestId } from "./request-id.ts";
import { decideRetry } from "./retry.ts";
import type { CallSpan, ClientTracing, RequestSpan } from "./tracing/types.ts";
import type { AnswerHeader } from "./types.ts";

export interface LaneOptions {
  readonly write: boolean;
  readonly endpoints: Endpoints;
  readonly pick: (nowMs: number) => Endpoint;
  readonly batchMaxOperations: number;
  readonly batchMaxBytes: number;
  readonly inflightMaxRequests: number;
  readonly queueMaxOperations: number;
  /** A read that was not answered by then is tried elsewhere. */
  readonly readAttemptTimeoutMs: number;
  readonly onAnswer: () => void;
  readonly tracing?: ClientTracing | undefined;
}

export interface OperationAnswer {
  readonly result: OperationResult["result"];
  readonly header: AnswerHeader;
}

interface PendingOptions {
  readonly timeoutMs: number;
  readonly requestId: string | undefined;
  readonly span: CallSpan | undefined;
}

/** One operation on its way through a lane. */
export class PendingOperation {
  readonly operation: Operation;
  readonly sizeBytes: number;
  readonly beganMs: number;
  readonly deadlineMs: number;
  readonly answer: Promise<OperationAnswer>;
  attempts = 0;
  sent = false;
  settled = false;
  /** Goes in a request of its own: it has a name, or did not fit together with others. */
  alone: boolean;
  readonly requestId: string | undefined;
  readonly span: CallSpan | undefined;
  #resolve!: (answer: OperationAnswer) => void;
  #reject!: (error: RstoreError) => void;

  constructor(operation: Operation, sizeBytes: number, { timeoutMs, requestId, span }: PendingOptions) {
    this.operation = operation;
    this.requestId = requestId;
    this.alone = requestId !== undefined;
    this.span = span;
    this.sizeBytes = sizeBytes;
    this.beganMs = performance.now();
    this.deadlineMs = this.beganMs + timeoutMs;
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  resolve(answer: OperationAnswer): void {
    this.settled = true;
    this.span?.end();
    this.#resolve(answer);
  }

  reject(error: RstoreError): void {
    this.settled = true;
    this.span?.end(error.reason);
    this.#reject(error);
  }
}

const sweepIntervalMs = 20;
const batchPath = "/rstore.v1.KvService/Batch";

/**
 * Gathers calls that are under way at the same moment into Batch requests. A lone call leaves at once; what
 * is called in the same turn, or while enough requests are under way, goes together. Writes, linearizable
 * reads and serializable reads have a lane each, so that a read does not wait for another's disk write.
 */
export class Lane {
  readonly #options: LaneOptions;
  #queue: PendingOperation[] = [];
  #inflight = 0;
  #scheduled = false;
  /** Requests under way whose operations have different deadlines. */
  readonly #mixed = new Set<readonly PendingOperation[]>();
  #sweep: NodeJS.Timeout | undefined;

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  add(pending: PendingOperation): Promise<OperationAnswer> {
    const { queueMaxOperations } = this.#options;
    if (this.#queue.length >= queueMaxOperations) {
      const message = `${queueMaxOperations} calls are waiting in this client already: call fewer at once`;
      pending.reject(
        new RstoreError("limit-exceeded", message, {
          facts: { subject: "queueMaxOperations", limit: BigInt(queueMaxOperations) },
        }),
      );
    } else {
      this.#enqueue(pending);
    }
    return pending.answer;
  }

  /** Gives one call up. */
  cancel(pending: PendingOperation, cause: unknown): void {
    if (pending.settled) return;
    const unknown = this.#options.write && pending.sent;
    pending.reject(
      new RstoreError("canceled", "the call was given up by its caller", {
        outcome: unknown ? "unknown" : "not-applied",
        cause,
      }),
    );
  }

  #enqueue(pending: PendingOperation): void {
    this.#queue.push(pending);
    this.#schedule();
  }

  /** Runs when the present turn, with all its promise callbacks, is done: they may bring more calls. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    process.nextTick(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    let next = 0;
    while (next < this.#queue.length && this.#inflight < this.#options.inflightMaxRequests) {
      const [batch, end] = this.#take(next);
      next = end;
      if (batch.length > 0) void this.#send(batch);
    }
    this.#queue = next === this.#queue.length ? [] : this.#queue.slice(next);
    this.#sweepLater();
  }

  /** The next batch from `start` on, within the limits, and where the one after it begins. */
  #take(start: number): [PendingOperation[], number] {
    const { batchMaxOperations, batchMaxBytes } = this.#options;
    const batch: PendingOperation[] = [];
    let bytes = 0;
    let next = start;
    for (; next < this.#queue.length && batch.length < batchMaxOperations; next++) {
      const pending = this.#queue[next]!;
      if (pending.settled) continue;
      if (batch.length > 0 && (pending.alone || bytes + pending.sizeBytes > batchMaxBytes)) break;
      batch.push(pending);
      bytes += pending.sizeBytes;
      if (pending.alone) return [batch, next + 1];
    }
    return [batch, next];
  }

  async #send(batch: PendingOperation[]): Promise<void> {
    const { write, readAttemptTimeoutMs } = this.#options;
    const nowMs = performance.now();
    const endpoint = this.#options.pick(nowMs);
    let firstDeadlineMs = Number.POSITIVE_INFINITY;
    let lastDeadlineMs = 0;
    const operations: Operation[] = [];
    for (const pending of batch) {
      pending.sent = true;
      operations.push(pending.operation);
      firstDeadlineMs = Math.min(firstDeadlineMs, pending.deadlineMs);
      lastDeadlineMs = Math.max(lastDeadlineMs, pending.deadlineMs);
    }
    const remainingMs = Math.max(1, lastDeadlineMs - nowMs);
    const timeoutMs = write ? remainingMs : Math.min(remainingMs, readAttemptTimeoutMs);
    const body = create(BatchRequestSchema);
    body.operations = operations;
    const requestId = batch[0]!.requestId ?? nextRequestId();
    const span = this.#requestSpan(batch, endpoint);
    this.#inflight++;
    if (lastDeadlineMs - firstDeadlineMs > sweepIntervalMs) {
      this.#mixed.add(batch);
      this.#sweepLater();
    }
    try {
      const bytes = await endpoint.connection.call(batchPath, toBinary(BatchRequestSchema, body), {
        timeoutMs,
        serverTimeoutMs: serverTimeoutMs(timeoutMs),
        requestId,
        traceParent: span?.traceParent,
      });
      span?.end();
      this.#inflight--;
      this.#options.endpoints.succeeded(endpoint);
      this.#settle(batch, decodeBatch(bytes, batch.length), requestId);
      this.#options.onAnswer();
    } catch (error) {
      this.#inflight--;
      const attempt = attemptErrorFrom(error);
      span?.end(attempt.reason);
      this.#failBatch(batch, endpoint, namedAttemptError(attempt, requestId));
    } finally {
      this.#mixed.delete(batch);
    }
    if (this.#queue.length > 0) this.#schedule();
  }

  #requestSpan(batch: readonly PendingOperation[], endpoint: Endpoint): RequestSpan | undefined {
    const { tracing } = this.#options;
    if (tracing === undefined) return undefined;
    const calls = batch.map(({ span }) => span).filter((span) => span !== undefined);
    return tracing.request(batchPath, endpoint.connection.url, calls);
  }

  #settle(batch: readonly PendingOperation[], response: BatchResponse, requestId: string): void {
    this.#options.endpoints.observe(response.header);
    const header = headerFrom(response.header);
    for (let i = 0; i < batch.length; i++) {
      const pending = batch[i]!;
      if (pending.settled) continue;
      const { result } = response.results[i]!;
      if (result.case !== "error" && result.case !== undefined) {
        pending.resolve({ result, header });
        continue;
      }
      const error = result.value;
      const attempt = attemptErrorFromAnswer(error?.code ?? 13, error?.message ?? "no result", error?.detail);
      this.#options.endpoints.observeError(attempt.facts);
      this.#fail(pending, namedAttemptError(attempt, requestId), batch.length);
    }
  }

  #failBatch(batch: readonly PendingOperation[], endpoint: Endpoint, error: AttemptError): void {
    const { endpoints, write } = this.#options;
    if (error.endpointFailed || (error.reason === "deadline-exceeded" && !write)) {
      endpoints.failed(endpoint, performance.now());
    }
    endpoints.observeError(error.facts);
    for (const pending of batch) {
      if (!pending.settled) this.#fail(pending, error, batch.length);
    }
  }

  #fail(pending: PendingOperation, error: AttemptError, batchLength: number): void {
    const { write } = this.#options;
    if (error.reason === "too-large" && batchLength > 1 && (!write || error.applied === "no")) {
      pending.alone = true;
      this.#enqueue(pending);
      return;
    }
    pending.attempts++;
    const nowMs = performance.now();
    const decision = decideRetry({
      write,
      error,
      attempts: pending.attempts,
      elapsedMs: nowMs - pending.beganMs,
      remainingMs: pending.deadlineMs - nowMs,
      random: Math.random(),
    });
    if (decision.type === "fail") pending.reject(decision.error);
    else setTimeout(() => this.#enqueue(pending), decision.afterMs);
  }

  /**
   * Settles operations whose deadline comes before that of what holds them: those that wait in the queue,
   * which were not sent or were certainly not applied, and those in a request with a later deadline.
   */
  #sweepLater(): void {
    if (this.#sweep !== undefined || (this.#queue.length === 0 && this.#mixed.size === 0)) return;
    this.#sweep = setTimeout(() => {
      this.#sweep = undefined;
      for (const pending of this.#queue) this.#expireIfDue(pending, false);
      this.#queue = this.#queue.filter(({ settled }) => !settled);
      for (const batch of this.#mixed) {
        for (const pending of batch) this.#expireIfDue(pending, this.#options.write);
      }
      this.#sweepLater();
    }, sweepIntervalMs);
  }

  #expireIfDue(pending: PendingOperation, unknown: boolean): void {
    if (pending.settled || pending.deadlineMs > performance.now()) return;
    const elapsed = Math.round(performance.now() - pending.beganMs);
    pending.reject(
      new RstoreError("deadline-exceeded", `no answer within ${elapsed} ms`, {
        outcome: unknown ? "unknown" : "not-applied",
      }),
    );
  }
}

/** A little less than the client waits, so that the server's answer, which knows more, arrives in time. */
export function serverTimeoutMs(timeoutMs: number): number {
  return timeoutMs - Math.min(100, timeoutMs * 0.05);
}

export function attemptErrorFrom(error: unknown): AttemptError {
  if (error instanceof AttemptError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new AttemptError("internal", message, { applied: "maybe", cause: error });
}

function decodeBatch(bytes: Uint8Array, count: number): BatchResponse {
  const response = fromBinary(BatchResponseSchema, bytes);
  if (response.results.length !== count) {
    const message = `${response.results.length} results for ${count} operations`;
    throw new AttemptError("internal", message, { applied: "maybe" });
  }
  return response;
}

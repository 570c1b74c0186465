import { commandMaxKeys, commandSizeBytes, encodeCommandBatch, type StateHash } from "../apply/command.ts";
import type { WriteOperation, WriteResult } from "../apply/operation.ts";
import { ENTRY_DELETE_MAX_KEYS } from "../mvcc/limits.ts";
import type { Entry, ProposeResult } from "../raft/types.ts";
import type { RuntimeLimits } from "./limits.ts";
import { ReplicaError, type WriteOutcome } from "./replica-api.ts";
import type { RequestContext } from "./request-context.ts";
import type { RequestStages } from "./request-stages.ts";
import { noMetrics, type RuntimeMetrics } from "./runtime-metrics.ts";
import { WriteTrace } from "./write-trace.ts";

/** Writes of one call, between its arrival and its outcomes. */
interface PendingWrite {
  readonly operations: readonly WriteOperation[];
  readonly sizeBytes: number;
  /** Keys that it may change at most. */
  readonly maxKeys: number;
  readonly deadlineMs: number;
  /** On whose behalf; empty for the replica's own. */
  readonly requests: readonly RequestContext[];
  readonly traces: readonly WriteTrace[];
  readonly resolve: (outcomes: readonly WriteOutcome[]) => void;
  readonly reject: (error: ReplicaError) => void;
  /** Its answer was given (deadline); what still happens to it concerns nobody. */
  settled: boolean;
}

/** An entry in the log whose fate is not known yet. */
interface ProposedEntry {
  readonly term: bigint;
  readonly sinceMs: number;
  readonly writes: readonly PendingWrite[];
}

type Propose = (data: Uint8Array) => ProposeResult;

interface ProposalsOptions {
  readonly comparableStateHash?: () => StateHash | undefined;
  readonly stages?: RequestStages;
  /** On whatever clock; only differences count. */
  readonly nowMs?: () => number;
  readonly metrics?: RuntimeMetrics;
}

const NONE: readonly never[] = [];

/**
 * Writes on their way through the log of this leader. Calls that wait at the same time share an entry; each
 * is answered when its entry is applied, refused when another leader's entry took its place, and told
 * "outcome unknown" when its deadline passes in between (D9).
 */
export class Proposals {
  #queue: PendingWrite[] = [];
  #queueBytes = 0;
  /**
   * By index. More than one when this member lost leadership and led again: the older one is not in the log
   * here, but may be in another's, and commit after all.
   */
  readonly #proposed = new Map<bigint, readonly ProposedEntry[]>();
  readonly #wallMs: () => number;
  readonly #limits: RuntimeLimits;
  readonly #comparableStateHash: () => StateHash | undefined;
  readonly #stages: RequestStages | undefined;
  readonly #nowMs: () => number;
  readonly #metrics: RuntimeMetrics;
  #comparedIndex = 0n;
  #closed: ReplicaError | undefined;

  constructor(wallMs: () => number, limits: RuntimeLimits, options: ProposalsOptions = {}) {
    this.#stages = options.stages;
    this.#comparableStateHash = options.comparableStateHash ?? (() => undefined);
    this.#nowMs = options.nowMs ?? (() => 0);
    this.#metrics = options.metrics ?? noMetrics;
    this.#limits = limits;
    this.#wallMs = wallMs;
  }

  /** Calls that wait to be proposed or applied. */
  get pending(): number {
    return this.#queue.length + this.#proposed.size;
  }

  get waiting(): boolean {
    return this.#queue.length > 0;
  }

  add(
    operations: readonly WriteOperation[],
    deadlineMs: number,
    requests: readonly RequestContext[] = NONE,
  ): Promise<readonly WriteOutcome[]> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    let sizeBytes = 0;
    let maxKeys = 0;
    for (const operation of operations) {
      sizeBytes += commandSizeBytes(operation);
      maxKeys += commandMaxKeys(operation);
    }
    if (this.#queueBytes + sizeBytes > this.#limits.proposalQueueMaxBytes) {
      return Promise.reject(
        new ReplicaError("limit-exceeded", "too many writes wait to be proposed: slow down and try again", {
          outcome: "not-applied",
          detail: { subject: "proposalQueueMaxBytes", limit: this.#limits.proposalQueueMaxBytes },
        }),
      );
    }
    return new Promise((resolve, reject) => {
      const write = { operations, sizeBytes, maxKeys, deadlineMs, requests, traces: tracesOf(requests) };
      this.#queue.push({ ...write, resolve, reject, settled: false });
      this.#queueBytes += sizeBytes;
    });
  }

  /** Proposes what waits, as few entries as possible. Stops when the core has no room: the rest waits. */
  proposeWaiting(propose: Propose): void {
    while (this.#queue.length > 0) {
      const { writes, taken, sizeBytes } = this.#nextEntry();
      if (writes.length > 0) {
        const operations =
          writes.length === 1 ? writes[0]!.operations : writes.flatMap((write) => write.operations);
        const stateHash = this.#nextStateHash();
        const data = encodeCommandBatch({ originTimeMs: this.#wallMs(), stateHash, operations });
        const result = propose(data);
        if (result.ok && stateHash !== undefined) this.#comparedIndex = stateHash.appliedIndex;
        if (!result.ok) {
          if (result.reason === "uncommitted-full" || result.reason === "transferring") return;
          if (result.reason === "too-large") this.#refuseTooLarge(writes, result.limit);
          else return;
        } else {
          const before = this.#proposed.get(result.index) ?? [];
          this.#proposed.set(result.index, [
            ...before,
            { term: result.term, sinceMs: this.#nowMs(), writes },
          ]);
          this.#metrics.entryOperations.observe(operations.length);
          this.#metrics.entryBytes.observe(data.length);
          this.#stages?.proposed(result.index, result.term, writes);
        }
      }
      this.#queue.splice(0, taken);
      this.#queueBytes -= sizeBytes;
    }
  }

  /** Each goes with one entry. */
  #nextStateHash(): StateHash | undefined {
    const newest = this.#comparableStateHash();
    return newest !== undefined && newest.appliedIndex > this.#comparedIndex ? newest : undefined;
  }

  #nextEntry(): { writes: PendingWrite[]; taken: number; sizeBytes: number } {
    const writes: PendingWrite[] = [];
    let operations = 0;
    let keys = 0;
    let entryBytes = 0;
    let sizeBytes = 0;
    let taken = 0;
    for (const write of this.#queue) {
      const full =
        entryBytes + write.sizeBytes > this.#limits.entryTargetBytes ||
        operations + write.operations.length > this.#limits.entryMaxOperations ||
        keys + write.maxKeys > ENTRY_DELETE_MAX_KEYS;
      if (writes.length > 0 && full) break;
      taken += 1;
      sizeBytes += write.sizeBytes;
      if (write.settled) continue;
      writes.push(write);
      entryBytes += write.sizeBytes;
      operations += write.operations.length;
      keys += write.maxKeys;
    }
    return { writes, taken, sizeBytes };
  }

  #refuseTooLarge(writes: readonly PendingWrite[], limit: number): void {
    for (const write of writes) {
      fail(
        write,
        new ReplicaError("too-large", `the writes of one call take more than ${limit} bytes: split them`, {
          outcome: "not-applied",
          detail: { subject: "proposalMaxBytes", limit },
        }),
      );
    }
  }

  /** An entry was applied: its callers are answered, or told that another entry took the place of theirs. */
  applied(entry: Entry, results: readonly WriteResult[], startMs = 0): void {
    const proposed = this.#proposed.get(entry.index);
    if (proposed === undefined) return;
    this.#proposed.delete(entry.index);
    for (const { term, sinceMs, writes } of proposed) {
      if (term === entry.term) {
        this.#metrics.commitDuration.observe((this.#nowMs() - sinceMs) / 1000);
        this.#stages?.applied(entry, startMs, writes);
        answerAll(writes, results);
      } else for (const write of writes) fail(write, replacedError());
    }
    this.#stages?.settled(entry.index);
  }

  /** A snapshot took the place of the log up to an index: the fate of what was proposed there is not known. */
  skipped(throughIndex: bigint): void {
    this.#stages?.skipped(throughIndex);
    for (const [index, proposed] of this.#proposed) {
      if (index > throughIndex) continue;
      this.#proposed.delete(index);
      for (const { writes } of proposed) {
        for (const write of writes) fail(write, unknownOutcomeError("the member fell behind"));
      }
    }
  }

  /** What has not been proposed is handed back, for another leader: certainly not applied. */
  takeWaiting(fail: (reject: (error: ReplicaError) => void) => void): void {
    const waiting = this.#queue;
    this.#queue = [];
    this.#queueBytes = 0;
    for (const write of waiting) {
      if (write.settled) continue;
      settle(write, "handed back");
      fail(write.reject);
    }
  }

  /** Answers whose deadline has passed. */
  expire(nowMs: number): void {
    if (this.#queue.some((write) => write.deadlineMs <= nowMs)) {
      for (const write of this.#queue) {
        if (write.deadlineMs <= nowMs) fail(write, expiredError());
      }
      this.#queue = this.#queue.filter((write) => {
        if (write.settled) this.#queueBytes -= write.sizeBytes;
        return !write.settled;
      });
    }
    for (const proposed of this.#proposed.values()) {
      for (const write of proposed.flatMap(({ writes }) => writes)) {
        if (!write.settled && write.deadlineMs <= nowMs)
          fail(write, unknownOutcomeError("the deadline passed before it was committed"));
      }
    }
  }

  /** The replica ends: nothing more will be known. */
  close(error: ReplicaError): void {
    this.#closed = error;
    this.takeWaiting((reject) => reject(error));
    for (const { writes } of [...this.#proposed.values()].flat()) {
      for (const write of writes)
        fail(write, unknownOutcomeError("the replica stopped before it was committed"));
    }
    this.#proposed.clear();
  }
}

function answerAll(writes: readonly PendingWrite[], results: readonly WriteResult[]): void {
  let at = 0;
  for (const write of writes) {
    const end = at + write.operations.length;
    if (!write.settled) {
      const own = writes.length === 1 ? results : results.slice(at, end);
      settle(write, write.traces.length === 0 ? undefined : refusalOf(own));
      write.resolve(own);
    }
    at = end;
  }
}

function fail(write: PendingWrite, error: ReplicaError): void {
  if (write.settled) return;
  settle(write, error.reason);
  write.reject(error);
}

function settle(write: PendingWrite, problem: string | undefined): void {
  write.settled = true;
  for (const trace of write.traces) trace.ended(problem);
}

function tracesOf(requests: readonly RequestContext[]): readonly WriteTrace[] {
  let traces: WriteTrace[] | undefined;
  for (const { span } of requests) {
    if (span === undefined) continue;
    traces ??= [];
    traces.push(new WriteTrace(span));
  }
  return traces ?? NONE;
}

function refusalOf(results: readonly WriteResult[]): string | undefined {
  const refused = results.find((result) => result.type === "refused");
  return refused?.type === "refused" ? refused.refusal.reason : undefined;
}

function replacedError(): ReplicaError {
  return new ReplicaError(
    "not-leader",
    "leadership was lost before the write was committed; it was not applied",
    {
      outcome: "not-applied",
    },
  );
}

export function expiredError(): ReplicaError {
  return new ReplicaError(
    "deadline-exceeded",
    "the deadline passed before the write was proposed; it was not applied",
    {
      outcome: "not-applied",
    },
  );
}

export function unknownOutcomeError(why: string): ReplicaError {
  return new ReplicaError(
    "outcome-unknown",
    `${why}: the write may or may not have been applied; read before you repeat it`,
    {
      outcome: "unknown",
    },
  );
}

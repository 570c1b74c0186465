import type { Store } from "../mvcc/store.ts";
import type { KeyRange, KeyValue, RevisionRefusal } from "../mvcc/types.ts";
import type { Clock } from "./clock.ts";
import { limits } from "./limits.ts";
import {
  type CallOptions,
  type HashAnswer,
  type RangeAnswer,
  type RangeRequest,
  ReplicaError,
} from "./replica-api.ts";
import type { StateMachine } from "./state-machine.ts";

export function revisionRefusalError(refusal: RevisionRefusal): ReplicaError {
  return refusal.reason === "compacted"
    ? new ReplicaError(
        "compacted",
        `history before revision ${refusal.compactedRevision} was compacted: read at that revision or later`,
        { detail: { revision: refusal.compactedRevision } },
      )
    : new ReplicaError(
        "future-revision",
        `the store is at revision ${refusal.revision}: that revision is not there yet`,
        {
          detail: { revision: refusal.revision },
        },
      );
}

/** Reads that take several turns of the loop, at one revision. */
export class LongReads {
  readonly #clock: Clock;
  readonly #responseMaxBytes: number;

  constructor(clock: Clock, responseMaxBytes: number) {
    this.#clock = clock;
    this.#responseMaxBytes = responseMaxBytes;
  }

  async range(store: Store, request: RangeRequest, options: CallOptions): Promise<RangeAnswer> {
    const revision = request.revision ?? store.revision;
    const limit = request.limit === 0 || request.countOnly ? Number.POSITIVE_INFINITY : request.limit;
    const keyValues: KeyValue[] = [];
    let count = 0;
    let bytes = 0;
    let left: KeyRange | undefined = { start: request.start, end: request.end };
    for (;;) {
      const step = store.rangeStep({
        start: left.start,
        end: left.end,
        revision,
        reverse: request.reverse,
        keysOnly: request.keysOnly,
        countOnly: request.countOnly,
        maxKeys: Math.min(limit - count, limits.scanStepMaxKeys),
        maxBytes: this.#responseMaxBytes - bytes,
      });
      if ("reason" in step) throw revisionRefusalError(step);
      for (const keyValue of step.keyValues) {
        keyValues.push(keyValue);
        bytes += keyValue.key.length + keyValue.value.length;
      }
      count += step.count;
      left = step.next;
      if (left === undefined || count >= limit || bytes >= this.#responseMaxBytes) break;
      if (this.#clock.nowMs() >= options.deadlineMs) throw expiredError();
      await this.#turn();
    }
    return { keyValues, count, more: left !== undefined, revision };
  }

  /** Begins anew when a compaction came in between, so that the answer is of one state. */
  async hash(machine: StateMachine, revision: bigint | undefined, options: CallOptions): Promise<HashAnswer> {
    const { store } = machine;
    let { appliedIndex } = machine;
    let hashing = store.hash(revision);
    for (;;) {
      if ("reason" in hashing) throw revisionRefusalError(hashing);
      const step = hashing.step({ maxRecords: limits.scanStepMaxKeys, maxBytes: limits.scanStepMaxBytes });
      if (step !== undefined && "hash" in step) return { ...step, appliedIndex };
      if (step !== undefined) {
        appliedIndex = machine.appliedIndex;
        hashing = store.hash(revision);
      }
      if (this.#clock.nowMs() >= options.deadlineMs) {
        throw new ReplicaError(
          "deadline-exceeded",
          "the history was not hashed before the deadline: allow more time",
        );
      }
      await this.#turn();
    }
  }

  /** Lets other work of the loop go first. */
  #turn(): Promise<void> {
    return new Promise((resolve) => this.#clock.soon(resolve));
  }
}

function expiredError(): ReplicaError {
  return new ReplicaError(
    "deadline-exceeded",
    "the range was not read before the deadline: ask for fewer keys at once",
  );
}

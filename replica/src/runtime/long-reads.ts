import type { KeyRange, KeyValue, RevisionRefusal } from "../mvcc/types.ts";
import type { Clock } from "./clock.ts";
import type { RuntimeLimits } from "./limits.ts";
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
  readonly #limits: RuntimeLimits;

  constructor(clock: Clock, responseMaxBytes: number, limits: RuntimeLimits) {
    this.#limits = limits;
    this.#clock = clock;
    this.#responseMaxBytes = responseMaxBytes;
  }

  /**
   * All of one revision. The store is looked up at each step: after the install of a snapshot the old one is no
   * view of anything, since what it has not in memory it would read from the new one's disk.
   */
  async range(
    machine: Pick<StateMachine, "store">,
    request: RangeRequest,
    options: CallOptions,
  ): Promise<RangeAnswer> {
    for (;;) {
      const answer = await this.#rangeAt(
        machine,
        request.revision ?? machine.store.revision,
        request,
        options,
      );
      if (!("reason" in answer)) return answer;
      // The caller asked for the newest: what was that is compacted by now, so it begins anew.
      if (request.revision !== undefined || answer.reason !== "compacted") throw revisionRefusalError(answer);
    }
  }

  async #rangeAt(
    machine: Pick<StateMachine, "store">,
    revision: bigint,
    request: RangeRequest,
    options: CallOptions,
  ): Promise<RangeAnswer | RevisionRefusal> {
    const limit = request.limit === 0 || request.countOnly ? Number.POSITIVE_INFINITY : request.limit;
    const keyValues: KeyValue[] = [];
    let count = 0;
    let bytes = 0;
    let left: KeyRange | undefined = { start: request.start, end: request.end };
    for (;;) {
      const step = machine.store.rangeStep({
        start: left.start,
        end: left.end,
        revision,
        reverse: request.reverse,
        keysOnly: request.keysOnly,
        countOnly: request.countOnly,
        maxKeys: Math.min(limit - count, this.#limits.scanStepMaxKeys),
        maxBytes: this.#responseMaxBytes - bytes,
      });
      if ("reason" in step) return step;
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
    const more =
      left !== undefined && (await this.#isMore(machine, { ...request, ...left, revision }, options));
    return { keyValues, count, more, revision };
  }

  /** What is left of a range at an older revision may be keys that were not there then, and nothing else. */
  async #isMore(
    machine: Pick<StateMachine, "store">,
    request: RangeRequest & { readonly revision: bigint },
    options: CallOptions,
  ): Promise<boolean> {
    let left: KeyRange | undefined = request;
    while (left !== undefined) {
      if (request.revision === machine.store.revision) return true;
      const { start, end } = left;
      const step = machine.store.rangeStep({
        ...request,
        start,
        end,
        keysOnly: true,
        maxKeys: 1,
        maxBytes: this.#responseMaxBytes,
      });
      // Compacted meanwhile: the caller learns it when it asks on.
      if ("reason" in step || step.count > 0) return true;
      left = step.next;
      if (this.#clock.nowMs() >= options.deadlineMs) throw expiredError();
      if (left !== undefined) await this.#turn();
    }
    return false;
  }

  /** Begins anew when a compaction or a snapshot came in between, so that the answer is of one state. */
  async hash(machine: StateMachine, revision: bigint | undefined, options: CallOptions): Promise<HashAnswer> {
    let { appliedIndex, store } = machine;
    let hashing = store.hash(revision);
    for (;;) {
      if (store !== machine.store) {
        ({ appliedIndex, store } = machine);
        hashing = store.hash(revision);
      }
      if ("reason" in hashing) throw revisionRefusalError(hashing);
      const step = hashing.step({
        maxRecords: this.#limits.scanStepMaxKeys,
        maxBytes: this.#limits.scanStepMaxBytes,
      });
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

import type { WriteOperation } from "../apply/operation.ts";
import type { Logger } from "../log.ts";
import { type MemberId, NO_MEMBER } from "../raft/types.ts";
import type { PeerTransport } from "../transport/types.ts";
import type { Clock } from "./clock.ts";
import type { DiskWatch } from "./disk-watch.ts";
import { Forwarder, isWorthRetrying } from "./forwarder.ts";
import type { RuntimeLimits } from "./limits.ts";
import type { Proposals } from "./proposals.ts";
import type { ReplicaError, WriteOptions, WriteOutcome } from "./replica-api.ts";

interface WritePathParts {
  readonly clock: Clock;
  readonly log?: Logger;
  readonly disk: DiskWatch;
  readonly transport: PeerTransport;
  readonly limits: RuntimeLimits;
  readonly proposals: Proposals;
  readonly wakeLoop: () => void;
  readonly leader: () => MemberId;
  readonly isLeader: () => boolean;
  readonly notLeaderError: () => ReplicaError;
  readonly awaitLeader: (deadlineMs: number) => Promise<boolean>;
}

/**
 * Where a write goes: into the queue on the leader, to the leader from elsewhere. What was certainly not
 * applied because leadership moved is tried again until its deadline; what may have been applied never is.
 */
export class WritePath {
  readonly #parts: WritePathParts;
  readonly #forwarder: Forwarder;
  #underWay = 0;
  #closed = false;

  constructor(parts: WritePathParts) {
    this.#parts = parts;
    this.#forwarder = new Forwarder(parts);
  }

  /** Calls that have no answer yet, wherever they wait. */
  get underWay(): number {
    return this.#underWay;
  }

  async write(
    operations: readonly WriteOperation[],
    options: WriteOptions,
  ): Promise<readonly WriteOutcome[]> {
    this.#underWay += 1;
    try {
      return await this.#writeUntilDone(operations, options);
    } finally {
      this.#underWay -= 1;
    }
  }

  async #writeUntilDone(
    operations: readonly WriteOperation[],
    options: WriteOptions,
  ): Promise<readonly WriteOutcome[]> {
    for (;;) {
      try {
        return await this.#writeOnce(operations, options);
      } catch (error) {
        if (!options.forward || this.#closed || !isWorthRetrying(error)) throw error;
        const found = await this.#awaitOtherLeader(options.deadlineMs);
        if (!found) throw error;
      }
    }
  }

  expire(nowMs: number): void {
    this.#forwarder.expire(nowMs);
  }

  close(error: ReplicaError): void {
    this.#closed = true;
    this.#forwarder.close(error);
  }

  #writeOnce(operations: readonly WriteOperation[], options: WriteOptions): Promise<readonly WriteOutcome[]> {
    const { disk, isLeader, leader, notLeaderError } = this.#parts;
    if (isLeader()) {
      return disk.problem() === undefined
        ? this.#propose(operations, options)
        : this.#proposeWithoutPuts(operations, options);
    }
    const target = leader();
    if (target === NO_MEMBER || !options.forward) return Promise.reject(notLeaderError());
    // Its deadline is looked after there.
    this.#parts.wakeLoop();
    return this.#forwarder.forward(target, operations, options);
  }

  #propose(operations: readonly WriteOperation[], options: WriteOptions): Promise<readonly WriteOutcome[]> {
    const outcomes = this.#parts.proposals.add(operations, options.deadlineMs, options.requests);
    this.#parts.wakeLoop();
    return outcomes;
  }

  /** Without room, puts are refused; deletes and compaction, the way out, never (B11). */
  async #proposeWithoutPuts(
    operations: readonly WriteOperation[],
    options: WriteOptions,
  ): Promise<readonly WriteOutcome[]> {
    const error = this.#parts.disk.refusal();
    const served = operations.filter(({ type }) => type !== "put");
    const outcomes = served.length === 0 ? [] : await this.#propose(served, options);
    let at = 0;
    return operations.map(({ type }) => (type === "put" ? { type: "failed", error } : outcomes[at++]!));
  }

  /** Waits a moment, then until a leader is known; false when the deadline came first. */
  async #awaitOtherLeader(deadlineMs: number): Promise<boolean> {
    const { clock, limits, awaitLeader } = this.#parts;
    if (clock.nowMs() + limits.leaderRetryMs >= deadlineMs) return false;
    await new Promise<void>((resolve) => clock.after(limits.leaderRetryMs, resolve));
    return awaitLeader(deadlineMs);
  }
}

import type { MemberId, RaftOptions, ReadFailure } from "./types.ts";

/** A read that waits on the leader: its own, or one that a follower asked for. */
export interface PendingRead {
  readonly from: MemberId;
  /** Of whom it is from; only echoed, never compared. */
  readonly requestId: bigint;
}

/** Reads that the same heartbeats confirm. */
export interface ReadRound {
  /** With the term this is the leader's own token; a caller's id never is (etcd-io/etcd#20418, A11). */
  readonly sequence: bigint;
  /** The commit index when the heartbeats were made. */
  readonly index: bigint;
  readonly reads: readonly PendingRead[];
}

interface Asked {
  readonly requestId: bigint;
  readonly askedTick: number;
}

type ReadIndexOptions = Pick<RaftOptions, "id" | "pendingReadsMax" | "random">;

/**
 * Reads on their way to a read index (dissertation §6.4). On the leader one round is under way at a time;
 * what comes meanwhile gathers for the next, since the heartbeats of a round prove nothing about reads that
 * came after them. On a follower: what it asked the leader.
 */
export class ReadIndexState {
  readonly #options: ReadIndexOptions;
  #sequence = 0n;
  #gathering: PendingRead[] = [];
  #round: ReadRound | undefined;
  readonly #asked = new Map<bigint, Asked>();
  #lastAskId: bigint;

  constructor(options: ReadIndexOptions) {
    this.#options = options;
    // An answer that was meant for this member before it restarted must not fit a read of today.
    this.#lastAskId = BigInt(Math.floor(options.random() * 2 ** 32)) << 32n;
  }

  /** The round whose heartbeats are out. */
  get round(): ReadRound | undefined {
    return this.#round;
  }

  get pendingCount(): number {
    return this.#gathering.length + (this.#round?.reads.length ?? 0) + this.#asked.size;
  }

  /** A number that no heartbeat of this term has carried. */
  nextSequence(): bigint {
    this.#sequence++;
    return this.#sequence;
  }

  /** Leader: takes a read for the next round. Returns false when too many wait. */
  gather(read: PendingRead): boolean {
    if (this.pendingCount >= this.#options.pendingReadsMax) return false;
    this.#gathering.push(read);
    return true;
  }

  isRoundDue(): boolean {
    return this.#round === undefined && this.#gathering.length > 0;
  }

  /** Leader: what gathered becomes a round, to be confirmed by heartbeats that are sent after this. */
  startRound(commit: bigint): ReadRound {
    this.#round = { sequence: this.nextSequence(), index: commit, reads: this.#gathering };
    this.#gathering = [];
    return this.#round;
  }

  finishRound(): void {
    this.#round = undefined;
  }

  /** No longer leader: own reads fail, and followers see for themselves. */
  failRounds(failures: ReadFailure[]): void {
    for (const { from, requestId } of [...(this.#round?.reads ?? []), ...this.#gathering]) {
      if (from === this.#options.id) failures.push({ requestId, reason: "leader-changed" });
    }
    this.#round = undefined;
    this.#gathering = [];
  }

  /** Follower: remembers a read. Returns the id to send, which is never used again; undefined if full. */
  ask(requestId: bigint, nowTick: number): bigint | undefined {
    if (this.pendingCount >= this.#options.pendingReadsMax) return undefined;
    this.#lastAskId++;
    this.#asked.set(this.#lastAskId, { requestId, askedTick: nowTick });
    return this.#lastAskId;
  }

  /** Follower: the caller's id of a read that was asked; undefined when it is not waited for any more. */
  answered(askId: bigint): bigint | undefined {
    const asked = this.#asked.get(askId);
    this.#asked.delete(askId);
    return asked?.requestId;
  }

  /** The leader or the term is another one now. */
  failAsked(failures: ReadFailure[]): void {
    for (const { requestId } of this.#asked.values()) failures.push({ requestId, reason: "leader-changed" });
    this.#asked.clear();
  }

  get oldestAskedTick(): number | undefined {
    for (const { askedTick } of this.#asked.values()) return askedTick;
    return undefined;
  }

  /** Fails what was asked at or before a tick; the oldest come first. */
  expireAsked(tick: number, failures: ReadFailure[]): void {
    for (const [askId, { requestId, askedTick }] of this.#asked) {
      if (askedTick > tick) return;
      this.#asked.delete(askId);
      failures.push({ requestId, reason: "no-leader" });
    }
  }
}

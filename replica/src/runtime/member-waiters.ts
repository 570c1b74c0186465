import { type MemberId, NO_MEMBER } from "../raft/types.ts";
import { Waiters } from "./waiters.ts";

interface MemberConditions {
  readonly leader: () => MemberId;
  readonly isIdle: () => boolean;
  readonly revision: () => bigint;
  /** The change of membership at this index, or what followed it, is committed and no longer joint. */
  readonly isSettled: (index: bigint) => boolean;
}

/** Who waits for something to become true of a member. */
export class MemberWaiters {
  /** For a leader, or for any with NO_MEMBER. */
  readonly leader: Waiters<MemberId>;
  readonly idle: Waiters<undefined>;
  readonly revision: Waiters<bigint>;
  readonly change: Waiters<bigint>;
  readonly #all: readonly Pick<Waiters<unknown>, "size" | "check" | "close">[];

  constructor({ leader, isIdle, revision, isSettled }: MemberConditions) {
    this.leader = new Waiters((wanted) =>
      wanted === NO_MEMBER ? leader() !== NO_MEMBER : leader() === wanted,
    );
    this.idle = new Waiters(isIdle);
    this.revision = new Waiters((wanted) => revision() >= wanted);
    this.change = new Waiters(isSettled);
    this.#all = [this.leader, this.idle, this.revision, this.change];
  }

  get anyWaits(): boolean {
    return this.#all.some(({ size }) => size > 0);
  }

  check(nowMs: number): void {
    for (const waiters of this.#all) waiters.check(nowMs);
  }

  close(): void {
    for (const waiters of this.#all) waiters.close();
  }
}

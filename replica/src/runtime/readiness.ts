import { type MemberId, NO_MEMBER } from "../raft/types.ts";
import type { Clock } from "./clock.ts";
import type { RuntimeLimits } from "./limits.ts";
import type { LinearizableReads } from "./linearizable-reads.ts";

interface ReadinessParts {
  readonly clock: Clock;
  readonly limits: RuntimeLimits;
  readonly reads: LinearizableReads;
}

/** Whether a member serves linearizable requests, as far as it knows without asking anybody (C4). */
export class Readiness {
  readonly #parts: ReadinessParts;
  #caughtUp: "no" | "asking" | "yes" = "no";
  /** undefined: a leader is known. */
  #leaderlessSinceMs: number | undefined;

  constructor(parts: ReadinessParts) {
    this.#parts = parts;
    this.#leaderlessSinceMs = parts.clock.nowMs();
  }

  get isLeaderless(): boolean {
    return this.#leaderlessSinceMs !== undefined;
  }

  get isCaughtUp(): boolean {
    return this.#caughtUp === "yes";
  }

  leaderIs(leader: MemberId): void {
    if (leader !== NO_MEMBER) this.#leaderlessSinceMs = undefined;
    else this.#leaderlessSinceMs ??= this.#parts.clock.nowMs();
  }

  /** A linearizable read that succeeds shows that this member is not behind: one is asked for until then. */
  confirm(): void {
    if (this.#caughtUp !== "no" || this.#leaderlessSinceMs !== undefined) return;
    this.#caughtUp = "asking";
    const { clock, limits, reads } = this.#parts;
    reads.add(clock.nowMs() + limits.catchUpAskMs).then(
      () => {
        this.#caughtUp = "yes";
      },
      () => {
        this.#caughtUp = "no";
      },
    );
  }

  /** Why it does not serve; being without a leader counts when it has lasted for `leaderlessMs`. */
  problems(leaderlessMs: number): readonly string[] {
    const problems: string[] = [];
    const sinceMs = this.#leaderlessSinceMs;
    if (sinceMs !== undefined && this.#parts.clock.nowMs() - sinceMs >= leaderlessMs) {
      problems.push("no leader is known");
    }
    if (!this.isCaughtUp) problems.push("has not caught up since its start");
    return problems;
  }
}

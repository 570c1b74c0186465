import type { MemberId } from "@rstore/replica/raft/types";
import type { Coverage } from "../world/coverage.ts";

/** Who led in which term, over the whole history. */
export class ElectionLedger {
  readonly #coverage: Coverage;
  readonly #leaders = new Map<number, MemberId>();
  /** Terms with a candidate and, so far, no leader. */
  readonly #open = new Set<number>();

  constructor(coverage: Coverage) {
    this.#coverage = coverage;
  }

  leader(term: number): MemberId | undefined {
    return this.#leaders.get(term);
  }

  started(term: number): void {
    this.#coverage.count("elections.started");
    if (!this.#leaders.has(term)) this.#open.add(term);
  }

  won(term: number, member: MemberId): void {
    this.#leaders.set(term, member);
    this.#coverage.count("elections.won");
    this.#open.delete(term);
    for (const open of this.#open) {
      if (open > term) continue;
      this.#open.delete(open);
      this.#coverage.count("terms.leaderless");
    }
  }

  /** Its entries or messages show that it led, though nobody looked on: it ended within the same step. */
  claimed(term: number, member: MemberId): void {
    if (!this.#leaders.has(term)) this.#leaders.set(term, member);
  }
}

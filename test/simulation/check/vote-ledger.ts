import type { MemberId } from "@rstore/replica/raft/types";

/** Every vote that was durable, or was granted while a later term was, by member and term. */
export class VoteLedger {
  readonly #votes = new Map<MemberId, Map<number, MemberId>>();

  of(member: MemberId, term: number): MemberId | undefined {
    return this.#votes.get(member)?.get(term);
  }

  /** Returns another vote of that member in that term, if there was one (Raft §5.2). */
  add(member: MemberId, term: number, vote: MemberId): MemberId | undefined {
    let votes = this.#votes.get(member);
    if (votes === undefined) {
      votes = new Map();
      this.#votes.set(member, votes);
    }
    const before = votes.get(term);
    if (before === undefined) votes.set(term, vote);
    return before === vote ? undefined : before;
  }
}

import type { MemberId } from "../types.ts";

/** What votes amount to: "pending" while the members that have not answered could still decide it. */
export type VoteResult = "pending" | "won" | "lost";

/** The position that a member has acknowledged; 0n for one that has not answered. */
export type AcknowledgedPosition = (member: MemberId) => bigint;

/** What a majority of no members has acknowledged: everything, so that the other half decides alone. */
export const UNBOUNDED = 0xffff_ffff_ffff_ffffn;

/** Reused by every count; a count never calls back into another. */
const scratch: bigint[] = [];

/** The number of members that a majority of `count` takes. */
export function majorityOf(count: number): number {
  return Math.floor(count / 2) + 1;
}

/**
 * The highest position that a majority of `voters` has acknowledged (Raft §5.3).
 * {@link UNBOUNDED} for no voters.
 */
export function majorityPosition(voters: readonly MemberId[], acknowledged: AcknowledgedPosition): bigint {
  const count = voters.length;
  if (count === 0) return UNBOUNDED;
  // Insertion sort, descending: at most nine voters, nearly sorted, no allocation.
  for (let i = 0; i < count; i++) {
    const position = acknowledged(voters[i]!);
    let j = i;
    while (j > 0 && scratch[j - 1]! < position) {
      scratch[j] = scratch[j - 1]!;
      j--;
    }
    scratch[j] = position;
  }
  return scratch[majorityOf(count) - 1]!;
}

/** The result of an election among `voters`; "won" for no voters. */
export function majorityVotes(
  voters: readonly MemberId[],
  votes: ReadonlyMap<MemberId, boolean>,
): VoteResult {
  let granted = 0;
  let missing = 0;
  for (const voter of voters) {
    const vote = votes.get(voter);
    if (vote === undefined) missing++;
    else if (vote) granted++;
  }
  const needed = voters.length === 0 ? 0 : majorityOf(voters.length);
  if (granted >= needed) return "won";
  return granted + missing >= needed ? "pending" : "lost";
}

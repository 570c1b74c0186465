import type { MemberId } from "../api/v1alpha1/types.ts";

export function majority(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/** More than half of the voters are among the live. No voters: nothing can be decided. */
export function hasMajority(voters: readonly MemberId[], live: ReadonlySet<MemberId>): boolean {
  return countOf(voters, live) >= majority(voters.length);
}

/**
 * Can the joint configuration `from` → `to` decide, and `to` after it? Dead members alone are no reason
 * against a change (A9). `live` are those that answer and have caught up.
 */
export function canChange(
  from: readonly MemberId[],
  to: readonly MemberId[],
  live: ReadonlySet<MemberId>,
): boolean {
  return hasMajority(from, live) && hasMajority(to, live);
}

/** Do the voters still decide when this one is taken away? */
export function canLose(voters: readonly MemberId[], live: ReadonlySet<MemberId>, victim: MemberId): boolean {
  const rest = new Set(live);
  rest.delete(victim);
  return hasMajority(voters, rest);
}

/**
 * `to` decides as if it had `size` voters, those that it lacks being dead: whoever shrinks to fewer than are
 * wanted must not use that to hide that too few are alive.
 */
export function hasMajorityOfSize(
  to: readonly MemberId[],
  live: ReadonlySet<MemberId>,
  size: number,
): boolean {
  return countOf(to, live) >= majority(Math.max(size, to.length));
}

function countOf(voters: readonly MemberId[], live: ReadonlySet<MemberId>): number {
  return voters.filter((id) => live.has(id)).length;
}

import { describe, expect, test } from "vitest";
import { higher } from "../position.ts";
import type { MemberId } from "../types.ts";
import { jointPosition, jointVotes } from "./joint.ts";
import { majorityPosition, majorityVotes, UNBOUNDED, type VoteResult } from "./majority.ts";

const MEMBERS_MAX = 7;

/** All subsets of members 1..count. */
function subsets(count: number): MemberId[][] {
  return Array.from({ length: 2 ** count }, (_, mask) =>
    Array.from({ length: count }, (_, i) => BigInt(i + 1)).filter((id) => mask & (1 << (Number(id) - 1))),
  );
}

/** Is a set that satisfies `has` a majority of the voters? Counted the long way. */
function isMajority(voters: readonly MemberId[], has: (id: MemberId) => boolean): boolean {
  return voters.length === 0 || voters.filter(has).length * 2 > voters.length;
}

/** The highest of the acknowledged positions that a majority of each half has reached. */
function positionByTrial(
  halves: readonly (readonly MemberId[])[],
  positionOf: (id: MemberId) => bigint,
): bigint {
  const candidates = [0n, ...halves.flat().map(positionOf)];
  const reached = candidates.filter((position) =>
    halves.every((half) => isMajority(half, (id) => positionOf(id) >= position)),
  );
  return reached.reduce(higher);
}

/** Won if the yes votes suffice, lost if they would not even with all that are missing. */
function votesByTrial(
  halves: readonly (readonly MemberId[])[],
  votes: ReadonlyMap<MemberId, boolean>,
): VoteResult {
  if (halves.every((half) => isMajority(half, (id) => votes.get(id) === true))) return "won";
  return halves.every((half) => isMajority(half, (id) => votes.get(id) !== false)) ? "pending" : "lost";
}

describe("majority", () => {
  test("position: every set of up to seven voters, every order of acknowledgements (Raft §5.3)", () => {
    for (let count = 1; count <= MEMBERS_MAX; count++) {
      const voters = Array.from({ length: count }, (_, i) => BigInt(i + 1));
      // Each voter at 0, 1, or 2: all that matters is who is above whom.
      for (let code = 0; code < 3 ** count; code++) {
        const positionOf = (id: MemberId): bigint => BigInt(Math.floor(code / 3 ** (Number(id) - 1)) % 3);
        const actual = majorityPosition(voters, positionOf);
        if (actual !== positionByTrial([voters], positionOf))
          expect.fail(`${voters} code ${code}: ${actual}`);
      }
    }
  });

  test("votes: every set of up to seven voters, each yes, no or missing", () => {
    for (let count = 1; count <= MEMBERS_MAX; count++) {
      const voters = Array.from({ length: count }, (_, i) => BigInt(i + 1));
      for (let code = 0; code < 3 ** count; code++) {
        const votes = votesOf(voters, code);
        if (majorityVotes(voters, votes) !== votesByTrial([voters], votes)) expect.fail(`${voters} ${code}`);
      }
    }
  });

  test("no voters decide nothing by themselves, so that the other half decides alone", () => {
    expect(majorityPosition([], () => 0n)).toBe(UNBOUNDED);
    expect(majorityVotes([], new Map())).toBe("won");
  });

  test("positions beyond 2^53 are compared exactly", () => {
    const base = 2n ** 60n;
    expect(majorityPosition([1n, 2n, 3n], (id) => base + id)).toBe(base + 2n);
  });
});

/** The votes that a number in base 3 stands for: missing, yes, no. */
function votesOf(members: readonly MemberId[], code: number): Map<MemberId, boolean> {
  const votes = new Map<MemberId, boolean>();
  for (const [i, id] of members.entries()) {
    const digit = Math.floor(code / 3 ** i) % 3;
    if (digit > 0) votes.set(id, digit === 1);
  }
  return votes;
}

describe("joint", () => {
  test("position and votes: every pair of halves among five members, all answers (Raft §6)", () => {
    const members = [1n, 2n, 3n, 4n, 5n];
    for (const voters of subsets(5)) {
      if (voters.length === 0) continue;
      for (const outgoing of subsets(5)) {
        for (let code = 0; code < 3 ** 5; code++) {
          const votes = votesOf(members, code);
          const joint = { voters, outgoing };
          if (jointVotes(joint, votes) !== votesByTrial([voters, outgoing], votes)) {
            expect.fail(`votes of ${voters} and ${outgoing}, code ${code}`);
          }
          const positionOf = (id: MemberId): bigint => BigInt(Math.floor(code / 3 ** (Number(id) - 1)) % 3);
          if (jointPosition(joint, positionOf) !== positionByTrial([voters, outgoing], positionOf)) {
            expect.fail(`position of ${voters} and ${outgoing}, code ${code}`);
          }
        }
      }
    }
  });

  test("live or dead: every pair of halves among seven members, every set of the dead (A9)", () => {
    const all = subsets(MEMBERS_MAX);
    // Dead members outside both halves do not matter; so the dead are drawn from a coarse but fixed sieve.
    for (const [v, voters] of all.entries()) {
      if (voters.length === 0) continue;
      for (let o = v % 3; o < all.length; o += 3) {
        const outgoing = all[o]!;
        for (let d = (v + o) % 5; d < all.length; d += 5) {
          const dead = new Set(all[d]!);
          const position = jointPosition({ voters, outgoing }, (id) => (dead.has(id) ? 0n : 1n));
          const isLive = [voters, outgoing].every((half) => isMajority(half, (id) => !dead.has(id)));
          if (position >= 1n !== isLive) expect.fail(`${voters} && ${outgoing}, dead ${[...dead]}`);
        }
      }
    }
  });

  test("two quorums always meet, also across the entry into a joint configuration and out of it", () => {
    const quorumsOf = (halves: MemberId[][]): MemberId[][] =>
      subsets(4).filter((set) => halves.every((half) => isMajority(half, (id) => set.includes(id))));
    for (const before of subsets(4)) {
      for (const after of subsets(4)) {
        if (before.length === 0 || after.length === 0) continue;
        const joint = quorumsOf([before, after]);
        for (const others of [quorumsOf([before]), joint, quorumsOf([after])]) {
          for (const a of joint) {
            for (const b of others) if (!a.some((id) => b.includes(id))) expect.fail(`${before} ${after}`);
          }
        }
      }
    }
  });
});

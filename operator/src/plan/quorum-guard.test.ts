import { describe, expect, it } from "vitest";
import { canChange, canLose, hasMajority, hasMajorityOfSize, majority } from "./quorum-guard.ts";

const IDS = "abcdefg".split("");

function subsets(ids: readonly string[]): string[][] {
  return Array.from({ length: 2 ** ids.length }, (_, bits) => ids.filter((_id, i) => (bits >> i) & 1));
}

/** Two quorums of the same voters always meet: the smallest size for which that holds, found by trying. */
function quorumsOf(voters: readonly string[]): string[][] {
  const all = subsets(voters);
  const meet = (size: number): boolean => {
    const sets = all.filter((set) => set.length === size);
    return sets.every((a) => sets.every((b) => a.some((id) => b.includes(id))));
  };
  const size = Array.from({ length: voters.length }, (_, i) => i + 1).find(meet)!;
  return all.filter((set) => set.length >= size);
}

const oracle = new Map(subsets(IDS).map((voters) => [voters.join(""), quorumsOf(voters)]));

function isDecided(voters: readonly string[], live: ReadonlySet<string>): boolean {
  if (voters.length === 0) return false;
  return oracle.get(voters.join(""))!.some((quorum) => quorum.every((id) => live.has(id)));
}

describe("quorum guard", () => {
  it("agrees with brute force on every change of up to 7 members, for every set of the dead (A9)", () => {
    for (let n = 1; n <= 7; n++) {
      const from = IDS.slice(0, n);
      for (const to of subsets(IDS)) {
        for (const alive of subsets(IDS)) {
          const live = new Set(alive);
          const expected = isDecided(from, live) && isDecided(to, live);
          if (canChange(from, to, live) !== expected) expect.unreachable(`${from} → ${to} with ${alive}`);
        }
      }
    }
  });

  it("agrees with brute force on what can be spared", () => {
    for (const voters of subsets(IDS)) {
      for (const alive of subsets(IDS)) {
        for (const victim of voters) {
          const rest = new Set(alive.filter((id) => id !== victim));
          if (canLose(voters, new Set(alive), victim) !== isDecided(voters, rest)) {
            expect.unreachable(`${voters} with ${alive} loses ${victim}`);
          }
        }
      }
    }
  });

  it("nobody decides for no voters", () => {
    expect(hasMajority([], new Set())).toBe(false);
    expect(canChange(["a"], [], new Set(["a"]))).toBe(false);
  });

  it("a smaller target counts as if those that it lacks were dead", () => {
    expect(hasMajorityOfSize(["a"], new Set(["a"]), 3)).toBe(false);
    expect(hasMajorityOfSize(["a", "b"], new Set(["a", "b"]), 3)).toBe(true);
    expect(hasMajorityOfSize(["a", "b", "c"], new Set(["a", "b"]), 1)).toBe(true);
    expect([1, 2, 3, 4, 5, 6, 7].map(majority)).toEqual([1, 2, 2, 3, 3, 4, 4]);
  });
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { CHAIN_BASE, chainAfter, DELETED, KeyState, skipLevels, stateAt } from "./history.ts";

/** The states that a key goes through: one for each flag, false deletes it. */
function chain(lives: readonly boolean[]): KeyState[] {
  const states: KeyState[] = [];
  for (const [i, live] of lives.entries()) {
    const before = states.at(-1);
    const main = 10 + 3 * i;
    const version = before === undefined ? 1 : before.version + 1;
    const life = live ? { create: version === 1 ? main : before!.create, version, lease: 0n } : DELETED;
    states.push(new KeyState({ main, sub: i % 5 }, life, chainAfter(before)));
  }
  return states;
}

/** Never deletes what does not exist. */
const lives = fc
  .array(fc.boolean(), { minLength: 1, maxLength: 600, size: "max" })
  .map((flags) => flags.map((live, i) => live || i === 0 || flags[i - 1] === false));

test("every event at every revision is found, as by a search through all of them", () => {
  fc.assert(
    fc.property(lives, fc.nat(), (flags, pick) => {
      const states = chain(flags);
      const byMain = new Map(states.map((state) => [state.main, state]));
      const revision = pick % (states.length * 3 + 20);
      const expected = states.findLast((state) => state.main <= revision);
      const found = stateAt(states.at(-1)!, revision, (main, sub) => {
        const state = byMain.get(main)!;
        expect(state.sub).toBe(sub);
        return state;
      });
      expect(found).toBe(expected?.deleted ? undefined : expected);
    }),
  );
});

test("a search reads no event that compaction at its revision removes", () => {
  fc.assert(
    fc.property(lives, fc.nat(), fc.nat(), (flags, pick, later) => {
      const states = chain(flags);
      const compacted = 10 + (pick % (states.length * 3));
      const kept = states.findLast((state) => state.main <= compacted)!;
      const revision = compacted + (later % (states.length * 3));
      stateAt(states.at(-1)!, revision, (main) => {
        expect(main > compacted || (main === kept.main && !kept.deleted)).toBe(true);
        return states.find((state) => state.main === main)!;
      });
    }),
  );
});

test("a search takes a bounded number of steps on each level", () => {
  const states = chain(new Array(20_000).fill(true));
  const byMain = new Map(states.map((state) => [state.main, state]));
  let most = 0;
  for (const state of states) {
    let steps = 0;
    const found = stateAt(states.at(-1)!, state.main, (main) => {
      steps++;
      return byMain.get(main)!;
    });
    expect(found).toBe(state);
    most = Math.max(most, steps);
  }
  expect(skipLevels(20_000)).toBe(3);
  expect(most).toBeLessThanOrEqual(CHAIN_BASE * 4);
});

test("an event has as many pointers as its depth says, since only that is stored", () => {
  for (const { depth, skips } of chain(new Array(5000).fill(true))) {
    expect(skips.length).toBe(2 * skipLevels(depth));
  }
});

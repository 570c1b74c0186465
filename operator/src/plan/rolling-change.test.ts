import { describe, expect, it } from "vitest";
import { plan } from "./plan.ts";
import type { Step } from "./step.ts";
import { inputFromScenario, type SlotScenario, slotOfId } from "./testing/scenario.ts";

const IDS = "abcde".split("");

function subsets(ids: readonly string[]): string[][] {
  return Array.from({ length: 2 ** ids.length }, (_, bits) => ids.filter((_id, i) => (bits >> i) & 1));
}

interface State {
  readonly ids: readonly string[];
  readonly dead: readonly string[];
  readonly done: readonly string[];
  readonly leader: string;
}

function* states(size: number): Generator<State> {
  const ids = IDS.slice(0, size);
  for (const dead of subsets(ids)) {
    const alive = ids.filter((id) => !dead.includes(id));
    if (alive.length * 2 <= size) continue;
    for (const done of subsets(ids)) for (const leader of alive) yield { ids, dead, done, leader };
  }
}

function stepsOf({ ids, dead, done, leader }: State): readonly Step[] {
  const slots = ids.map((id): SlotScenario => {
    const hash = done.includes(id) ? "h2" : "h1";
    return dead.includes(id)
      ? { says: "silent 20", replica: "CrashLoop", hash }
      : { says: `member ${id}`, hash };
  });
  const configuration = { voters: ids.join(" "), dead: dead.join(" "), leader };
  return plan(inputFromScenario({ template: { wanted: "h2", current: "h1" }, configuration, slots })).steps;
}

describe("rolling change", () => {
  it.each([1, 2, 3, 4, 5])("from every state of %i members (E8)", (size) => {
    for (const state of states(size)) {
      const { ids, dead, done, leader } = state;
      const steps = stepsOf(state);
      const restarted = steps.flatMap((step) => (step.kind === "restartSlot" ? [ids[step.slot]!] : []));
      const handedTo = steps.find(({ kind }) => kind === "transferLeadership");
      const due = ids.filter((id) => !done.includes(id));
      const followers = due.filter((id) => id !== leader);
      // What serves nothing and is due is restarted at once, all of it.
      const idle = dead.filter((id) => due.includes(id));
      const serving = restarted.filter((id) => !dead.includes(id));
      expect({ ...state, idle: restarted.filter((id) => dead.includes(id)) }).toEqual({ ...state, idle });
      // What serves: one follower, and only at full strength; the leader last, and by handing over.
      const isLeaderTurn = dead.length === 0 && followers.length === 0 && due.length > 0;
      const expected = dead.length > 0 ? [] : isLeaderTurn && size === 1 ? [leader] : followers.slice(0, 1);
      expect({ ...state, serving }).toEqual({ ...state, serving: expected });
      expect({ ...state, hands: handedTo !== undefined }).toEqual({
        ...state,
        hands: isLeaderTurn && size > 1,
      });
      if (handedTo?.kind === "transferLeadership") expect(slotOfId(handedTo.to)).not.toBe(slotOfId(leader));
    }
  });
});

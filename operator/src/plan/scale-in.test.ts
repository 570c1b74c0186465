import { describe, expect, it } from "vitest";
import { plan } from "./plan.ts";
import type { Step } from "./step.ts";
import { inputFromScenario, type SlotScenario, slotOfId } from "./testing/scenario.ts";

const IDS = "abcdefg".split("");

interface Case {
  readonly from: number;
  readonly to: number;
  readonly dead: readonly string[];
  readonly leader: string;
}

function cases(from: number, to: number): Case[] {
  const ids = IDS.slice(0, from);
  return Array.from({ length: 2 ** from }, (_, bits) => ids.filter((_id, i) => (bits >> i) & 1)).flatMap(
    (dead) => {
      const alive = ids.filter((id) => !dead.includes(id));
      // Without a majority there is no linearizable answer, so no configuration to plan with.
      if (alive.length * 2 <= from) return [];
      return alive.map((leader) => ({ from, to, dead, leader }));
    },
  );
}

function stepsOf({ from, to, dead, leader }: Case): readonly Step[] {
  const ids = IDS.slice(0, from);
  const slots = ids.map((id): SlotScenario => ({ says: dead.includes(id) ? "silent 30" : `member ${id}` }));
  const configuration = { voters: ids.toReversed().join(" "), dead: dead.join(" "), leader };
  const budget = { minAvailable: from, voters: ids.map(slotOfId) };
  return plan(inputFromScenario({ spec: { replicas: to }, configuration, slots, budget })).steps;
}

/** What design.md asks for, said in another way than the code does. */
function expected({ from, to, dead, leader }: Case): string {
  const stay = IDS.slice(0, to);
  const deadStay = stay.filter((id) => dead.includes(id)).length;
  if (deadStay * 2 >= to) return "wait";
  return slotOfId(leader) >= to && from > to ? "transfer" : "change";
}

function actual(steps: readonly Step[], to: number): string {
  for (const step of steps) {
    if (step.kind === "transferLeadership") {
      return slotOfId(step.to) < to ? "transfer" : "transfer to a victim";
    }
    if (step.kind !== "changeMembership") continue;
    const voters = step.target.filter(({ kind }) => kind === "voter").map(({ id }) => id);
    return voters.sort().join("") === IDS.slice(0, to).join("") ? "change" : `change to ${voters}`;
  }
  return "wait";
}

describe("scale down", () => {
  const pairs = IDS.flatMap((_, n) => IDS.slice(0, n).map((_id, m) => ({ from: n + 1, to: m + 1 })));

  it.each(pairs)(
    "$from to $to, with every set of dead members and every leader (E5, E25)",
    ({ from, to }) => {
      for (const one of cases(from, to)) {
        const steps = stepsOf(one);
        expect({ ...one, did: actual(steps, to) }).toEqual({ ...one, did: expected(one) });
        const kinds = steps.map(({ kind }) => kind);
        // Until the change is through nobody's process or claim is touched.
        expect(kinds).not.toContain("stopSlots");
        expect(kinds).not.toContain("deleteClaim");
        const act = kinds.indexOf("changeMembership");
        if (act >= 0) expect(kinds.indexOf("latch")).toBe(act - 1);
      }
    },
  );
});

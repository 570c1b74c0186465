import { describe, expect, it } from "vitest";
import { planBudget } from "./budget.ts";
import { hasMajority } from "./quorum-guard.ts";
import { type ConfigurationScenario, inputFromScenario, timeOf } from "./testing/scenario.ts";
import { viewFromInput } from "./view.ts";

const IDS = ["a", "b", "c", "d", "e"];
const SETS = subsets(IDS).filter((ids) => ids.length > 0);

function subsets(ids: readonly string[]): string[][] {
  return Array.from({ length: 2 ** ids.length }, (_, bits) => ids.filter((_id, i) => (bits >> i) & 1));
}

interface Guarded {
  readonly minAvailable: number;
  readonly marked: readonly string[];
}

/** The budget while the voters are to become `to`, whatever it was. */
function budgetOf(configuration: ConfigurationScenario, to: readonly string[]): Guarded {
  const input = inputFromScenario({
    status: {
      change: {
        kind: "ChangeMembership",
        reason: "test",
        startedTime: timeOf(9_990),
        configurationIndex: "10",
        voters: to,
      },
    },
    configuration,
    budget: { minAvailable: 0, voters: [] },
  });
  const [step] = planBudget(viewFromInput(input));
  if (step?.kind !== "setBudget") throw new Error("no budget is set");
  return { minAvailable: step.minAvailable, marked: step.voters.map((slot) => IDS[slot]!) };
}

/** Whoever else is dead: of those that the budget lets go, none is one too many for a half that could decide. */
function overdrawn({ minAvailable, marked }: Guarded, halves: readonly (readonly string[])[]): string[] {
  return subsets(IDS).flatMap((alive) => {
    const healthy = marked.filter((id) => alive.includes(id));
    const guarded = halves.filter((half) => hasMajority(half, new Set(alive)));
    if (guarded.length < halves.length) return [];
    return subsets(healthy)
      .filter((evicted) => healthy.length - evicted.length >= minAvailable)
      .filter((evicted) => {
        const left = new Set(alive.filter((id) => !evicted.includes(id)));
        return !halves.every((half) => hasMajority(half, left));
      })
      .map((evicted) => `${halves.join(" → ")}: ${evicted} of ${alive}`);
  });
}

describe("the budget", () => {
  it("lets nobody go who would cost a majority before a change, after it, or while it is joint (E18, E19)", () => {
    const wrong = SETS.flatMap((from) =>
      SETS.flatMap((to) => {
        const learners = to.filter((id) => !from.includes(id)).join(" ");
        const outgoing = from.filter((id) => !to.includes(id)).join(" ");
        const before = budgetOf({ voters: from.join(" "), learners }, to);
        const during = budgetOf({ voters: to.join(" "), outgoing, joint: true }, to);
        return [...overdrawn(before, [from, to]), ...overdrawn(during, [from, to])];
      }),
    );
    expect(wrong).toEqual([]);
  });

  it("lets as many go as a store at rest can bear", () => {
    const mayGo = SETS.map((voters) => {
      const { minAvailable, marked } = budgetOf({ voters: voters.join(" ") }, voters);
      return `${voters.length}: ${marked.length - minAvailable}`;
    });
    expect([...new Set(mayGo)].sort()).toEqual(["1: 0", "2: 0", "3: 1", "4: 1", "5: 2"]);
  });
});

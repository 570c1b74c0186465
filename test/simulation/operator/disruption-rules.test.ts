import type { PlanInput } from "@rstore/operator/plan/observation";
import { expect, test } from "vitest";
import { Coverage } from "../world/coverage.ts";
import { World } from "../world/world.ts";
import { DisruptionRules, type RuleParts } from "./disruption-rules.ts";
import type { Place } from "./place.ts";

const CAME_BACK_US = 400_000;

/** Three voters, up again since 0.4 s; an operator that began to look then or later restarts two of them. */
function restartsTwo(sinceUs: number): string | undefined {
  const world = new World({ seed: 1, coverage: new Coverage(), transcript: undefined });
  const voters = [1n, 2n, 3n];
  const configuration = { voters, outgoing: [], learners: [], learnersNext: [], context: new Uint8Array() };
  const truth = {
    known: { configuration, committed: configuration, index: 1n, isSettled: true, leader: 1n },
    look() {},
    isDead: () => false,
    isSteady: (_: bigint, forUs: number) => world.nowUs - CAME_BACK_US >= forUs,
  };
  const cluster = { world, shape: { electionTimeoutMs: 150 } };
  const rules = new DisruptionRules({ cluster, truth, losses: { lost: [] } } as unknown as RuleParts);
  world.at(CAME_BACK_US + 50_000, () => {
    const basis = rules.basis({ slots: [] } as unknown as PlanInput, sinceUs);
    for (const id of [1n, 2n]) {
      const place = { slot: { name: `r${id}`, member: { id } } } as unknown as Place;
      rules.restarting(place, "evict", basis);
    }
  });
  world.step(CAME_BACK_US * 2);
  return world.violation?.property;
}

test("operator-one-disruption: a second voter is not restarted before the first is back (E8)", () => {
  expect(restartsTwo(CAME_BACK_US)).toBe("operator-one-disruption");
});

test("operator-one-disruption: what came back while the operator looked around may seem down to it", () => {
  expect(restartsTwo(CAME_BACK_US - 1)).toBeUndefined();
});

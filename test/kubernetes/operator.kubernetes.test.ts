import { afterAll, beforeAll, describe, it } from "vitest";
import { survivesItsOperators } from "./scenarios/crashes.ts";
import { putsDriftRight } from "./scenarios/drift.ts";
import { handsOverFromTheFrozen } from "./scenarios/election.ts";
import { scalesAndBack } from "./scenarios/lifecycle.ts";
import { getsThroughFaults, seesThePast } from "./scenarios/network.ts";
import { World } from "./world.ts";

let world: World;

beforeAll(async () => {
  world = await World.start();
}, 120_000);

afterAll(() => world?.stop(), 60_000);

const timeout = 300_000;

describe("an operator with the rights that the chart gives it", { timeout }, () => {
  it("makes a store of three, scales it to five and back by kubectl scale, and loses nothing", () =>
    scalesAndBack(world, "scaled", ["scaled"]));

  it("does the same with rights to all namespaces", () => scalesAndBack(world, "everywhere", []));

  it("puts right what somebody edits or deletes, and leaves alone what others add", () =>
    putsDriftRight(world));

  it("leaves everything to its successor when it was frozen past its lease (E17)", () =>
    handsOverFromTheFrozen(world));
});

describe("an operator whose way to the API server is bad", { timeout }, () => {
  it("deletes no member's claim when it starts anew and sees the past (E1, E2)", () => seesThePast(world));

  it("gets through calls that are refused, lost, or never answered", () => getsThroughFaults(world));
});

describe("a store whose operators live for one change each (E3)", { timeout }, () => {
  it("is made, scaled, repaired and deleted when they die before they hear of it", () =>
    survivesItsOperators(world, "after"));

  it("is made, scaled, repaired and deleted when they die before the next one", () =>
    survivesItsOperators(world, "before"));
});

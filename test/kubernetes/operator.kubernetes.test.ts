import { afterAll, beforeAll, describe, it } from "vitest";
import { survivesItsOperators } from "./scenarios/crashes.ts";
import { scalesAndBack } from "./scenarios/lifecycle.ts";
import { World } from "./world.ts";

let world: World;

beforeAll(async () => {
  world = await World.start();
}, 120_000);

afterAll(() => world?.stop(), 60_000);

const timeout = 300_000;

describe("an operator with the rights that the chart gives it", () => {
  it(
    "makes a store of three, scales it to five and back by kubectl scale, and loses nothing",
    { timeout },
    () => scalesAndBack(world, "scaled", ["scaled"]),
  );

  it("does the same with rights to all namespaces", { timeout }, () =>
    scalesAndBack(world, "everywhere", []),
  );
});

describe("a store whose operators live for one change each (E3)", () => {
  it("is made, scaled, repaired and deleted when they die before they hear of it", { timeout }, () =>
    survivesItsOperators(world, "after"),
  );

  it("is made, scaled, repaired and deleted when they die before the next one", { timeout }, () =>
    survivesItsOperators(world, "before"),
  );
});

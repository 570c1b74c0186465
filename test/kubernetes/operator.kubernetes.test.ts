import { afterAll, beforeAll, describe, it } from "vitest";
import { scalesAndBack } from "./scenarios/lifecycle.ts";
import { World } from "./world.ts";

let world: World;

beforeAll(async () => {
  world = await World.start();
}, 120_000);

afterAll(() => world?.stop(), 60_000);

describe("an operator with the rights of its chart", () => {
  it(
    "makes a store of three, scales it by kubectl scale to five and back, loses nothing",
    { timeout: 300_000 },
    () => scalesAndBack(world),
  );
});

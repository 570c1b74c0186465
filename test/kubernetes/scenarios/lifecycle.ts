import { expect } from "vitest";
import { Site } from "../site.ts";
import type { World } from "../world.ts";

export async function scalesAndBack(world: World): Promise<void> {
  const site = await Site.create(world, "scaled");
  try {
    await site.startOperator();
    await site.apply({ replicas: 3 });
    await site.settled(3);
    await site.scale(5);
    await site.settled(5);
    await site.scale(3);
    const status = await site.settled(3);
    expect(status.members?.map(({ slot }) => slot)).toEqual([0, 1, 2]);
  } finally {
    await site.close();
  }
}

import { expect } from "vitest";
import { Site } from "../site.ts";
import type { World } from "../world.ts";

/** @param namespaces which ones the operator is told to watch; empty: all */
export async function scalesAndBack(
  world: World,
  namespace: string,
  namespaces: readonly string[],
): Promise<void> {
  await Site.use(world, namespace, { values: { watchNamespaces: namespaces } }, scaleAndBack);
}

async function scaleAndBack(site: Site): Promise<void> {
  await site.startOperator();
  await site.apply({ replicas: 3 });
  const { clusterId } = await site.settled(3);
  await site.write("before");
  await site.scale(5);
  await site.settled(5);
  await site.write("between");
  await site.scale(3);
  const status = await site.expectWhole(3);
  expect(status.members?.map(({ slot }) => slot).sort()).toEqual([0, 1, 2]);
  expect(status.clusterId).toBe(clusterId);
  // The claims of members that left are kept.
  expect((await site.claims()).length).toBe(5);
}

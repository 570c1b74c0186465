import type { KubernetesObject } from "@rstore/operator/kube/objects";
import { expect } from "vitest";
import { Site } from "../site.ts";
import type { World } from "../world.ts";

export function scalesAndBack(world: World): Promise<void> {
  return Site.use(world, "scaled", {}, scaleAndBack);
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
  await tellsWhatItDid(site);
}

interface StoreEvent extends KubernetesObject {
  readonly reason: string;
  readonly note: string;
  readonly regarding: { readonly kind: string; readonly name: string; readonly uid: string };
}

/** Each step was told as an Event about the store, once. */
async function tellsWhatItDid(site: Site): Promise<void> {
  const { uid } = (await site.read()).metadata;
  const events = await site.world.admin.list<StoreEvent>("events", site.namespace);
  const own = events.filter(({ regarding }) => regarding.uid === uid);
  const reasons = new Set(own.map(({ reason }) => reason));
  for (const reason of [
    "FoundCluster",
    "StartReplica",
    "ChangeMembers",
    "SetDisruptionBudget",
    "StopReplicas",
  ])
    expect([...reasons]).toContain(reason);
  const told = own.map(({ reason, note }) => `${reason}: ${note}`);
  expect([...new Set(told)].sort()).toEqual([...told].sort());
}

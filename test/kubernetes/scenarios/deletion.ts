import type { ReplicatedStore } from "@rstore/operator/api/v1alpha1/types";
import { expect } from "vitest";
import { eventually } from "../../cluster/eventually.ts";
import { Site, settleMs } from "../site.ts";
import type { World } from "../world.ts";

/** A namespace that goes takes a store with it, also one whose claims are to be deleted; nothing is fought for. */
export function letsNamespaceGo(world: World): Promise<void> {
  // Outside the namespace, and with rights that don't go with it.
  return Site.use(world, "keeper", { values: { watchNamespaces: [] } }, async (site) => {
    const operator = await site.startOperator();
    await site.apply({ replicas: 1 });
    await site.settled(1);
    await site.write("before");
    await site.scale(3);
    await site.expectWhole(3);
    const namespace = "doomed";
    await world.kubectl.run("create", "namespace", namespace);
    await world.kubectl.apply({
      apiVersion: "rstore.dev/v1alpha1",
      kind: "ReplicatedStore",
      metadata: { name: "demo", namespace },
      spec: { replicas: 1, storage: { size: "1Gi", storageClassName: "standard", whenDeleted: "Delete" } },
    });
    const place = { namespace, name: "demo" };
    await eventually(
      "the store to serve",
      async () => {
        const store = await world.admin.read("replicatedstores", place);
        return (store as ReplicatedStore | undefined)?.status?.summary === "Healthy";
      },
      { timeoutMs: settleMs, intervalMs: 200 },
    );
    await world.kubectl.run("delete", "namespace", namespace, "--wait=false");
    await eventually(
      "the namespace to be gone",
      async () => (await world.admin.read("namespaces", { name: namespace })) === undefined,
      { timeoutMs: settleMs, intervalMs: 200 },
    );
    const failures = operator.lines.filter(
      ({ msgId, store }) => msgId === "reconcile.failed" && store === `${namespace}/demo`,
    );
    // What was read just before it went.
    expect(failures.length, JSON.stringify(failures)).toBeLessThanOrEqual(2);
  });
}

/** Deleted with Retain, and made again on the volumes that were kept: the same cluster, with its data. */
export function comesBackOnKeptVolumes(world: World): Promise<void> {
  return Site.use(world, "again", {}, async (site) => {
    await site.startOperator();
    await site.apply({ replicas: 3 });
    const { clusterId } = await site.settled(3);
    await site.write("before");
    await world.kubectl.run("delete", "rstore", site.store, "-n", site.namespace);
    await eventually("its pods to end", async () => (await site.pods()).length === 0, {
      timeoutMs: settleMs,
    });
    expect((await site.claims()).length).toBe(3);
    await site.apply({ replicas: 3 });
    const again = await site.expectWhole(3);
    expect(again.clusterId).toBe(clusterId);
    // Made again while what belonged to it before is still there: that goes first.
    const { uid } = (await site.read()).metadata;
    await world.kubectl.run("delete", "rstore", site.store, "-n", site.namespace);
    await site.apply({ replicas: 3 });
    expect((await site.expectWhole(3)).clusterId).toBe(clusterId);
    const sets = await world.admin.list("statefulsets", site.namespace);
    expect(sets.flatMap(({ metadata }) => metadata?.ownerReferences ?? []).map((owner) => owner.uid)).toEqual(
      [(await site.read()).metadata.uid],
    );
    expect((await site.read()).metadata.uid).not.toBe(uid);
  });
}

import { expect } from "vitest";
import { awaitSettled, expectSettled } from "../expect-settled.ts";
import { nameOf, type TestStore } from "../test-store.ts";
import { memberIds } from "./pods.ts";

/** The resource is deleted, its claims are kept, and another one of its name takes the cluster over. */
export async function recreateOnOldVolumes(store: TestStore): Promise<void> {
  const { status } = await store.read();
  const ids = await memberIds(store);
  const claims = (await store.claims()).map(({ metadata }) => metadata?.uid);
  await deleteResource(store);
  await awaitNoPods(store);
  expect((await store.claims()).map(({ metadata }) => metadata?.uid)).toEqual(claims);
  // Fewer are asked for than there were: the disks say who the members are, and then it shrinks.
  await store.apply({ replicas: ids.length });
  await store.cluster.deleteOperator();
  await awaitSettled(store, { replicas: ids.length });
  expect((await store.read()).status?.clusterId).toBe(status?.clusterId);
  expect(await memberIds(store)).toEqual(ids);
  await expectSettled(store, { replicas: ids.length });
}

/** Claims go with the resource where it says so, after every process has ended, and nothing is left. */
export async function deleteWithClaims(store: TestStore): Promise<void> {
  await store.patch({ storage: { whenDeleted: "Delete" } });
  await store.eventually("the finalizer is there", async () => {
    const { metadata } = await store.read();
    return (metadata.finalizers ?? []).length > 0;
  });
  await deleteResource(store);
  await store.cluster.deleteOperator();
  await awaitGone(store);
  await awaitNoPods(store);
  expect(await store.claims()).toEqual([]);
}

/** With the finalizer on: a namespace that goes must not wait for it for ever (E24). */
export async function deleteNamespace(store: TestStore): Promise<void> {
  await store.patch({ storage: { whenDeleted: "Delete" } });
  await store.eventually("the finalizer is there", async () => {
    const { metadata } = await store.read();
    return (metadata.finalizers ?? []).length > 0;
  });
  const { kubectl } = store.cluster;
  await kubectl.run("delete", "namespace", store.namespace, "--wait=false");
  await store.cluster.deleteOperator();
  await kubectl.run("wait", "--for=delete", `namespace/${store.namespace}`, "--timeout=300s");
}

async function deleteResource(store: TestStore): Promise<void> {
  const { kubectl } = store.cluster;
  await kubectl.run("delete", "rstore", store.name, "-n", store.namespace, "--wait=false");
}

async function awaitGone(store: TestStore): Promise<void> {
  const { kubectl } = store.cluster;
  await kubectl.run("wait", "--for=delete", `rstore/${store.name}`, "-n", store.namespace, "--timeout=300s");
}

async function awaitNoPods(store: TestStore): Promise<void> {
  const { kubectl } = store.cluster;
  await kubectl.run(
    "wait",
    "--for=delete",
    "pod",
    "-l",
    store.selector,
    "-n",
    store.namespace,
    "--timeout=300s",
  );
  expect((await store.pods()).map(nameOf)).toEqual([]);
}

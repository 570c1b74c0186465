import type { V1Pod } from "@rstore/operator/kube/objects";
import { expect } from "vitest";
import { imageText } from "../environment.ts";
import { expectSettled } from "../expect-settled.ts";
import type { OperatorRelease } from "../operator-release.ts";
import { nameOf, type TestStore } from "../test-store.ts";

/** Another chart, another operator, another default of the replicas' version: no store is restarted (E15). */
export async function upgradeChart(release: OperatorRelease, store: TestStore): Promise<void> {
  const before = await podsOf([store]);
  const { nowMs } = await store.writer.pulse();
  await release.install();
  await awaitLook([store]);
  await expectSettled(store, { replicas: 3 });
  expect(await podsOf([store]), "UIDs of pods and restarts of their containers").toEqual(before);
  const { image } = (await store.read()).status ?? {};
  expect(image?.resolved, "what it was before").toBe(
    imageText(release.cluster.environment.before.replicaImage),
  );
  expect((await store.writer.pulse(nowMs)).failures).toEqual([]);
}

/** Nobody looks after the stores any more, and they serve on; another release takes them up again. */
export async function uninstallAndInstall(
  release: OperatorRelease,
  stores: readonly TestStore[],
): Promise<void> {
  const before = await podsOf(stores);
  const marks = await Promise.all(stores.map(async (store) => (await store.writer.pulse()).nowMs));
  await release.uninstall();
  const crd = await release.cluster.kubectl.run("get", "crd", "replicatedstores.rstore.dev", "-o", "name");
  expect(crd.trim(), "kept, and every store with it").not.toBe("");
  for (const [i, store] of stores.entries()) {
    const { nowMs } = await store.writer.pulse();
    await store.eventually("serves on", async () => (await store.writer.pulse(nowMs)).succeeded > 50);
    expect((await store.writer.pulse(marks[i]!)).failures).toEqual([]);
  }
  expect(await podsOf(stores)).toEqual(before);
  await release.install();
  await awaitLook(stores);
  for (const store of stores) await expectSettled(store, { replicas: 3 });
  expect(await podsOf(stores)).toEqual(before);
}

/** An operator that started now has seen an edit that touches no pod. */
async function awaitLook(stores: readonly TestStore[]): Promise<void> {
  for (const store of stores) {
    const { spec } = await store.read();
    await store.patch({ catchUpDeadlineSeconds: (spec.catchUpDeadlineSeconds ?? 0) + 1 });
    await store.eventually("the operator has looked", async () => {
      const { status, metadata } = await store.read();
      return status?.observedGeneration === metadata.generation;
    });
  }
}

async function podsOf(stores: readonly TestStore[]): Promise<readonly string[]> {
  const all = await Promise.all(stores.map((store) => store.pods()));
  return all.flat().map(describePod);
}

function describePod(pod: V1Pod): string {
  const restarts = pod.status?.containerStatuses?.reduce((sum, { restartCount }) => sum + restartCount, 0);
  return `${pod.metadata?.namespace}/${nameOf(pod)} ${pod.metadata?.uid} ${restarts}`;
}

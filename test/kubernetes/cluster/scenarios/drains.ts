import { isKubeError } from "@rstore/operator/kube/kube-error";
import type { V1Pod } from "@rstore/operator/kube/objects";
import { expect } from "vitest";
import { awaitSettled, expectSettled } from "../expect-settled.ts";
import { measured } from "../measurements.ts";
import { nameOf, type TestStore } from "../test-store.ts";
import { range } from "./scaling.ts";

/** Drains of all nodes at once, as far as they touch the store: the budget lets through what it can bear (E19). */
export async function drainAt(store: TestStore, size: number, kept: number): Promise<void> {
  await store.scale(size);
  await awaitSettled(store, { replicas: size });
  const pods = await store.pods();
  const { nowMs } = await store.writer.pulse();
  if (size <= 2) {
    for (const pod of pods) expect(await evict(store, pod), "without leave").toBe(false);
    await store.patch({ drains: { mayInterruptService: true } });
    await awaitSettled(store, { replicas: size });
  }
  await Promise.all(pods.map((pod) => drain(store, pod)));
  await store.cluster.deleteOperator();
  await awaitSettled(store, { replicas: size });
  const { longestPauseMs, failures } = await store.writer.pulse(nowMs);
  measured(`all pods of ${size} drained at once`, `longest pause of a writer ${longestPauseMs} ms`);
  if (size <= 2) await store.patch({ drains: { mayInterruptService: false } });
  await expectSettled(store, { replicas: size, keptClaims: range(size, kept) });
  if (size > 2) expect(failures, "requests that failed while nodes were drained").toEqual([]);
}

/** As `kubectl drain`: asks again until it is let. */
async function drain(store: TestStore, pod: V1Pod): Promise<void> {
  await store.eventually(`${nameOf(pod)} may be evicted`, () => evict(store, pod));
}

/** False: the budget does not allow it now. */
async function evict(store: TestStore, pod: V1Pod): Promise<boolean> {
  const { client } = store.cluster;
  const uid = pod.metadata?.uid ?? "";
  try {
    await client.evict({ namespace: store.namespace, name: nameOf(pod) }, uid);
    return true;
  } catch (error) {
    if (isKubeError(error, "too-many-requests")) return false;
    // It is gone already.
    if (isKubeError(error, "not-found") || isKubeError(error, "conflict")) return true;
    throw error;
  }
}

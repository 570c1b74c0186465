import { expect } from "vitest";
import { awaitSettled, conditionOf, expectSettled } from "../expect-settled.ts";
import { measured, seconds } from "../measurements.ts";
import { nameOf, type TestStore } from "../test-store.ts";
import { memberIds } from "./pods.ts";

const containerOf = (pod: Awaited<ReturnType<TestStore["pods"]>>[number]) => pod.spec?.containers[0];

/** Every pod is made anew, one after another, and no request fails beyond the client's retries. */
export async function rollThrough(store: TestStore, what: string, spec: object): Promise<void> {
  const before = await uids(store);
  const ids = await memberIds(store);
  const { nowMs } = await store.writer.pulse();
  const beganMs = performance.now();
  await store.patch(spec);
  await store.eventually("the roll has begun", async () =>
    (await uids(store)).some((uid) => !before.includes(uid)),
  );
  await store.cluster.deleteOperator();
  await store.eventually("every pod is another", async () => {
    const now = await uids(store);
    return now.length === before.length && now.every((uid) => !before.includes(uid));
  });
  await awaitSettled(store, { replicas: before.length });
  const { longestPauseMs, failures } = await store.writer.pulse(nowMs);
  const took = seconds(performance.now() - beganMs);
  measured(
    `${what} rolled through under load`,
    `${took}, longest pause of a writer ${longestPauseMs} ms, failed requests ${failures.length}`,
  );
  await expectSettled(store, { replicas: before.length });
  expect(await memberIds(store)).toEqual(ids);
  expect(failures, "requests that failed while the store rolled").toEqual([]);
}

/** One pod is lost to an image that can't start and no more, writes go on, and setting it back heals. */
export async function rollBrokenImage(store: TestStore, image: string, reason: string): Promise<void> {
  const before = await uids(store);
  const { spec } = await store.read();
  await store.patch({ image });
  await store.eventually(
    `a pod does not start, and status says ${reason}`,
    async () => conditionOf(await store.read(), "Degraded") === `True ${reason}`,
  );
  await store.cluster.deleteOperator();
  const { nowMs } = await store.writer.pulse();
  await store.eventually("a new operator has looked, and writes go on", async () => {
    const { succeeded, failures } = await store.writer.pulse(nowMs);
    expect(failures).toEqual([]);
    return succeeded > 100;
  });
  const now = await uids(store);
  expect(now.filter((uid) => before.includes(uid)).length, "pods that were left alone").toBe(
    before.length - 1,
  );
  await store.patch({ image: spec.image ?? null });
  await awaitSettled(store, { replicas: before.length });
  await expectSettled(store, { replicas: before.length });
}

/** No pod is touched by a spec that leads to an invalid object; status says why, and correcting it heals. */
export async function refuseTemplate(store: TestStore): Promise<void> {
  const before = await uids(store);
  await store.patch({ scheduling: { nodeSelector: { disk: "no value of a label!" } } });
  await store.eventually(
    "status says that the API server refuses it",
    async () => conditionOf(await store.read(), "Degraded") === "True Refused",
  );
  await store.cluster.deleteOperator();
  await store.patch({ scheduling: { nodeSelector: null } });
  await expectSettled(store, { replicas: before.length });
  expect(await uids(store)).toEqual(before);
}

/** Every pod is down from one template: nothing of it needs a quorum to be put right. */
export async function starveAll(store: TestStore): Promise<void> {
  const before = await uids(store);
  await store.patch({ resources: { requests: { memory: "24Mi" }, limits: { memory: "24Mi" } } });
  await store.eventually("the first pod does not start", async () =>
    (await store.pods()).some((pod) => containerOf(pod)?.resources?.limits?.memory === "24Mi"),
  );
  // Whoever dies now takes the new template too.
  for (const pod of await store.pods()) await store.delete("pod", nameOf(pod));
  await store.eventually("all of them starve", async () => {
    const pods = await store.pods();
    return (
      pods.length === before.length &&
      pods.every((pod) => containerOf(pod)?.resources?.limits?.memory === "24Mi") &&
      !conditionOf(await store.read(), "Available").startsWith("True")
    );
  });
  await store.cluster.deleteOperator();
  await store.patch({ resources: { requests: { memory: "64Mi" }, limits: { memory: "512Mi" } } });
  const beganMs = performance.now();
  await awaitSettled(store, { replicas: before.length });
  measured("every pod starved, limit raised, until full strength", seconds(performance.now() - beganMs));
  await expectSettled(store, { replicas: before.length });
}

async function uids(store: TestStore): Promise<readonly string[]> {
  return (await store.pods()).map(({ metadata }) => metadata?.uid ?? "");
}

import { expect } from "vitest";
import { awaitSettled, expectSettled } from "../expect-settled.ts";
import { measured, seconds } from "../measurements.ts";
import { nameOf, type TestStore } from "../test-store.ts";

/** A deleted pod is a restart: the same members come back, and the leader hands over before it goes (E7). */
export async function deleteEachPod(store: TestStore): Promise<void> {
  const before = await memberIds(store);
  const { nowMs } = await store.writer.pulse();
  for (const pod of await store.pods()) {
    await store.delete("pod", nameOf(pod));
    await store.cluster.deleteOperator();
    await store.awaitReplaced(slotOf(nameOf(pod)), pod.metadata?.uid);
    await awaitSettled(store, { replicas: before.length });
  }
  const { longestPauseMs, failures } = await store.writer.pulse(nowMs);
  measured("each pod deleted in turn under load", `longest pause of a writer ${longestPauseMs} ms`);
  expect(await memberIds(store)).toEqual(before);
  await expectSettled(store, { replicas: before.length });
  expect(failures, "requests that failed while pods were deleted").toEqual([]);
}

/** The disk is gone: another member takes the slot, in one joint change, and nobody else moves. */
export async function deletePodAndClaim(store: TestStore, whose: "follower" | "leader"): Promise<void> {
  const before = await memberIds(store);
  const { status } = await store.read();
  const members = status?.members ?? [];
  const victim = members.find(({ role }) => (role === "Leader") === (whose === "leader"))!;
  const slot = slotOf(victim.name);
  const uid = (await store.pod(slot))?.metadata?.uid;
  const { nowMs } = await store.writer.pulse();
  const beganMs = performance.now();
  await store.delete("pvc", `data-${victim.name}`);
  await store.delete("pod", victim.name);
  await store.cluster.deleteOperator();
  await store.awaitReplaced(slot, uid);
  await store.eventually("another member is a voter in its place", async () => {
    const { status } = await store.read();
    const now = status?.members?.find(({ name, role }) => name === victim.name && role !== "Learner");
    return (
      now !== undefined && now.id !== victim.id && now.health === "Healthy" && status?.change === undefined
    );
  });
  const { longestPauseMs } = await store.writer.pulse(nowMs);
  const took = seconds(performance.now() - beganMs);
  measured(
    `pod and claim of the ${whose} deleted, until a voter again`,
    `${took}, longest pause of a writer ${longestPauseMs} ms`,
  );
  await expectSettled(store, { replicas: before.length });
  const after = await memberIds(store);
  expect(after.filter((id) => before.includes(id)).length).toBe(before.length - 1);
}

/** In the order of their names. */
export async function memberIds(store: TestStore): Promise<readonly string[]> {
  const members = (await store.read()).status?.members ?? [];
  return [...members].sort((a, b) => (a.name < b.name ? -1 : 1)).map(({ id }) => id);
}

export function slotOf(podName: string): number {
  return Number(podName.slice(podName.lastIndexOf("-") + 1));
}

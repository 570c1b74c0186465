import { expect } from "vitest";
import { awaitSettled, expectSettled } from "../expect-settled.ts";
import { measured, seconds } from "../measurements.ts";
import type { TestStore } from "../test-store.ts";

/** Applied, and Available with three replicas. */
export async function applyThree(store: TestStore, writerNode: string): Promise<void> {
  const beganMs = performance.now();
  await store.create({});
  await store.eventually("Available", async () => {
    const { status } = await store.read();
    const available = status?.conditions?.find(({ type }) => type === "Available");
    return available?.status === "True" && status?.readyReplicas === 3 && status.members?.length === 3;
  });
  measured("apply to Available with three replicas", seconds(performance.now() - beganMs));
  await awaitSettled(store, { replicas: 3 });
  await store.startWriter(writerNode);
  await expectSettled(store, { replicas: 3 });
}

/** Each change is seen through; no write fails while members come and go. */
export async function scaleThrough(store: TestStore, sizes: readonly number[], kept: number): Promise<void> {
  const beganMs = (await store.writer.pulse()).nowMs;
  let before = (await store.read()).spec.replicas;
  for (const size of sizes) {
    const stepMs = performance.now();
    const { nowMs } = await store.writer.pulse();
    await store.scale(size);
    await store.cluster.deleteOperator();
    await awaitSettled(store, { replicas: size });
    const { longestPauseMs, failures } = await store.writer.pulse(nowMs);
    const took = seconds(performance.now() - stepMs);
    measured(
      `scale ${before} to ${size} under load`,
      `${took}, longest pause of a writer ${longestPauseMs} ms, failed requests ${failures.length}`,
    );
    await expectSettled(store, { replicas: size, keptClaims: range(size, kept) });
    before = size;
  }
  const { failures } = await store.writer.pulse(beganMs);
  expect(failures, "requests that failed while the store was scaled").toEqual([]);
}

/** The spec is edited again before the change before it is done. */
export async function editMidway(store: TestStore): Promise<void> {
  const { nowMs } = await store.writer.pulse();
  await store.scale(5);
  await store.eventually("the change to five has begun", async () => (await store.pods()).length > 3);
  await store.scale(4);
  await store.eventually("the change to four has begun", async () => {
    const { status, metadata } = await store.read();
    return status?.observedGeneration === metadata.generation;
  });
  await store.cluster.deleteOperator();
  await store.scale(3);
  await awaitSettled(store, { replicas: 3 });
  expect((await store.writer.pulse(nowMs)).failures).toEqual([]);
}

export function range(from: number, to: number): readonly number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
}

import { expect, it } from "vitest";
import type { ReplicatedStore } from "../api/v1alpha1/types.ts";
import { EventRecorder } from "../kube/event-recorder.ts";
import { FakeClock } from "../kube/fake-clock.ts";
import { FakeKubeClient } from "../kube/fake-kube-client.ts";
import { KubeError } from "../kube/kube-error.ts";
import { createLogger } from "../log.ts";
import { Reconciler } from "./reconcile.ts";

const minute = 60_000;
const observed = "2026-01-01T00:00:00.000Z";
const resource: ReplicatedStore = {
  apiVersion: "rstore.dev/v1alpha1",
  kind: "ReplicatedStore",
  metadata: { name: "demo", namespace: "shop", uid: "u-1" },
  spec: {},
  status: {
    clusterId: "00000000000000c1",
    summary: "Healthy",
    lastObservedTime: observed,
    conditions: (["Available", "Progressing", "Degraded"] as const).map((type) => ({
      type,
      status: type === "Available" ? "True" : "False",
      reason: "Serving",
      message: "well",
      observedGeneration: 1,
      lastTransitionTime: observed,
    })),
  },
};

async function createWorld(changes: Partial<ReplicatedStore> = {}) {
  const client = new FakeKubeClient();
  await client.create({ ...resource, ...changes } as never);
  const clock = new FakeClock();
  const reconciler = new Reconciler({
    client,
    events: new EventRecorder({ client, clock, controller: "", instance: "", failed: () => {} }),
    log: createLogger("error", "/dev/null"),
    images: { repository: "rstore", defaultVersion: "1.0.0" },
    operator: { namespace: "system", podLabels: {} },
    nowMs: () => Date.parse(observed) + 5 * minute,
    mayAct: () => true,
    stepTaken: () => {},
    looked: () => {},
    gone: () => {},
  });
  const read = (kind: string, name = "demo") => client.objects.get(`${kind} shop/${name}`);
  const status = () => (read("ReplicatedStore") as unknown as ReplicatedStore).status;
  return { client, read, status, turn: () => reconciler.reconcile("shop", "demo") };
}

const forbidden = (what: string) => new KubeError("forbidden", `${what} is forbidden`);

it("what the operator cannot look at is not said to be well any more, and why", async () => {
  const { client, status, turn } = await createWorld();
  client.before = (call, name) => {
    if (call === "list") throw forbidden(`list ${name}`);
  };
  await expect(turn()).rejects.toThrow("is forbidden");
  expect(
    status()?.conditions?.map((condition) => [condition.type, condition.status, condition.reason]),
  ).toEqual([
    ["Available", "Unknown", "NotObserved"],
    ["Progressing", "Unknown", "NotObserved"],
    ["Degraded", "Unknown", "NotObserved"],
  ]);
  expect(status()?.conditions?.[0]?.message).toContain("list Pod is forbidden");
  expect(status()?.summary).toBe("Unknown");
  expect(status()?.lastObservedTime).toBe(observed);
});

it("that it cannot look is written once, whatever it is that fails next", async () => {
  const { client, turn } = await createWorld();
  const writes: string[] = [];
  let failures = 0;
  client.before = (call, name) => {
    if (call === "replace") writes.push(name);
    if (call !== "list") return;
    failures += 1;
    throw forbidden(`list ${name}, failure ${failures}`);
  };
  for (let turns = 0; turns < 3; turns += 1) await expect(turn()).rejects.toThrow(KubeError);
  expect(failures).toBeGreaterThan(2);
  expect(writes).toEqual(["demo"]);
});

it("a spec that is none leaves nothing said to be well", async () => {
  const { status, turn } = await createWorld({ spec: { replicas: -1 } });
  await expect(turn()).rejects.toThrow();
  expect(status()?.conditions?.[0]).toMatchObject({ status: "Unknown", reason: "NotObserved" });
});

it("a refused Service keeps no step from being taken, and is told", async () => {
  const { status: _, ...unfounded } = resource;
  const { client, read, status, turn } = await createWorld(unfounded);
  client.objects.delete("ReplicatedStore shop/demo");
  await client.create(unfounded as never);
  client.before = (call, name) => {
    if (call === "apply" && name === "demo-peers")
      throw new KubeError("invalid", "apply Service: no such port");
  };
  await expect(turn()).rejects.toThrow("no such port");
  expect(read("StatefulSet")).toBeDefined();
  expect(status()?.conditions?.find(({ type }) => type === "Degraded")).toMatchObject({
    status: "True",
    reason: "Refused",
    message: expect.stringContaining("no such port"),
  });
});

it("an answer that the view is old ends the turn before its steps", async () => {
  const { client, read, turn } = await createWorld();
  client.objects.delete("ReplicatedStore shop/demo");
  const { status: _, ...unfounded } = resource;
  await client.create(unfounded as never);
  client.before = (call, name) => {
    if (call === "apply" && name === "demo-peers") throw new KubeError("conflict", "it changed");
  };
  await expect(turn()).rejects.toThrow("it changed");
  expect(read("StatefulSet")).toBeUndefined();
});

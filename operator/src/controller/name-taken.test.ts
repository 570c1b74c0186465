import { describe, expect, it } from "vitest";
import type { ReplicatedStore } from "../api/v1alpha1/types.ts";
import { EventRecorder } from "../kube/event-recorder.ts";
import { FakeClock } from "../kube/fake-clock.ts";
import { FakeKubeClient } from "../kube/fake-kube-client.ts";
import type { KubernetesObject } from "../kube/objects.ts";
import { createLogger } from "../log.ts";
import { objectLabels, ownerReference } from "../platform/kubernetes/names.ts";
import { Reconciler } from "./reconcile.ts";

const resource: ReplicatedStore = {
  apiVersion: "rstore.dev/v1alpha1",
  kind: "ReplicatedStore",
  metadata: { name: "demo", namespace: "shop", uid: "u-1" },
  spec: {},
};

const needed = [
  ["StatefulSet", "demo"],
  ["Service", "demo"],
  ["Service", "demo-peers"],
  ["ServiceAccount", "demo"],
  ["PodDisruptionBudget", "demo"],
  ["NetworkPolicy", "demo"],
] as const;

/** A store that was just made, with objects of others around it. */
async function createWorld(spec: ReplicatedStore["spec"] = {}) {
  const client = new FakeKubeClient();
  await client.create({ ...resource, spec } as never);
  const clock = new FakeClock();
  const reconciler = new Reconciler({
    client,
    events: new EventRecorder({ client, clock, controller: "", instance: "", failed: () => {} }),
    log: createLogger("error", "/dev/null"),
    images: { repository: "rstore", defaultVersion: "1.0.0" },
    operator: { namespace: "system", podLabels: {} },
    nowMs: () => 1_000_000,
    mayAct: () => true,
    stepTaken: () => {},
    looked: () => {},
    gone: () => {},
  });
  const read = (kind: string, name: string) => client.objects.get(`${kind} shop/${name}`);
  const condition = (wanted: string) =>
    (read("ReplicatedStore", "demo") as unknown as ReplicatedStore).status?.conditions?.find(
      ({ type }) => type === wanted,
    );
  const warnings = () =>
    [...client.objects.values()].filter((object) => (object as { reason?: string }).reason === "NameTaken");
  const put = (kind: string, name: string, metadata: object = {}) =>
    client.create<KubernetesObject>({
      apiVersion: "",
      kind,
      metadata: { namespace: "shop", name, ...metadata },
    });
  return { client, read, condition, warnings, put, clock, turn: () => reconciler.reconcile("shop", "demo") };
}

describe.each(needed)("somebody else's %s %s", (kind, name) => {
  const message = new RegExp(`the ${kind} ${name} .* is left as it is: delete it`);

  it("is left as it is, a condition and one Event say so, and the other objects are made", async () => {
    const { read, condition, warnings, put, clock, turn } = await createWorld();
    const before = await put(kind, name);
    await turn();
    // Past the time in which Events of the same words are counted up.
    clock.jump(60 * 60_000);
    await turn();
    expect(read(kind, name)).toEqual(before);
    expect(condition("Degraded")).toMatchObject({
      status: "True",
      reason: "NameTaken",
      message: expect.stringMatching(message),
    });
    expect(warnings()).toHaveLength(1);
    const others = needed.filter((one) => one[0] !== kind || one[1] !== name);
    const canRun = kind !== "StatefulSet" && name !== "demo-peers";
    // The budget is made once there are members.
    const made = others.filter(([one]) => one !== "PodDisruptionBudget" && (canRun || one !== "StatefulSet"));
    for (const [one, of] of made) expect(read(one, of), `${one} ${of}`).toBeDefined();
    expect(condition("Available")).toMatchObject({ status: "False", reason: "NameTaken" });
  });

  it("is left as it is when it belongs to somebody", async () => {
    const { read, condition, put, turn } = await createWorld();
    const owner = { ...ownerReference({ name: "demo-peers", uid: "u-7" }) };
    const before = await put(kind, name, { ownerReferences: [owner] });
    await turn();
    expect(read(kind, name)).toEqual(before);
    expect(condition("Degraded")?.message).toContain("belongs to ReplicatedStore demo-peers");
  });

  it("is left as it is when it appears between the look and the apply", async () => {
    const { client, read, condition, put, turn } = await createWorld();
    let theirs: Promise<KubernetesObject> | undefined;
    client.before = async (call) => {
      if (call !== "apply" || theirs !== undefined) return;
      theirs = put(kind, name);
      await theirs;
    };
    for (let turns = 0; turns < 3; turns += 1) await turn().catch(() => {});
    expect(read(kind, name)).toEqual(await theirs);
    expect(condition("Degraded")?.reason).toBe("NameTaken");
  });

  it("is waited for when it is of an earlier resource of this name, which garbage collection removes", async () => {
    const { client, read, condition, warnings, put, turn } = await createWorld();
    const former = ownerReference({ name: "demo", uid: "u-0" });
    const before = await put(kind, name, {
      ownerReferences: [former],
      labels: objectLabels({ name: "demo" }),
    });
    await turn();
    expect(read(kind, name)).toEqual(before);
    expect(condition("Progressing")).toMatchObject({ status: "True" });
    expect(condition("Progressing")?.message).toContain(
      `waits until the ${kind} ${name} of an earlier resource`,
    );
    expect(condition("Degraded")?.reason).not.toBe("NameTaken");
    expect(warnings()).toEqual([]);
    client.objects.delete(`${kind} shop/${name}`);
    await turn();
    if (kind !== "PodDisruptionBudget")
      expect(read(kind, name)?.metadata?.ownerReferences?.[0]?.uid).toBe("u-1");
  });
});

it.each(["StatefulSet", "ServiceAccount", "NetworkPolicy"])(
  "a %s that was left behind by a deletion that orphans is the store's again",
  async (kind) => {
    const { read, condition, put, turn } = await createWorld();
    await put(kind, "demo", { labels: objectLabels({ name: "demo" }) });
    await turn();
    expect(read(kind, "demo")?.metadata?.ownerReferences?.[0]?.uid).toBe("u-1");
    expect(condition("Degraded")?.reason).not.toBe("NameTaken");
  },
);

it("a NetworkPolicy that the store does not need is in nobody's way", async () => {
  const { read, condition, put, turn } = await createWorld({ networkPolicy: { enabled: false } });
  const before = await put("NetworkPolicy", "demo");
  await turn();
  expect(read("NetworkPolicy", "demo")).toEqual(before);
  expect(condition("Degraded")?.reason).not.toBe("NameTaken");
});

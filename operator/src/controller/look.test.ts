import { MemberKind } from "@rstore/proto/rstore/v1/cluster";
import { Role } from "@rstore/proto/rstore/v1/maintenance";
import { afterEach, describe, expect, it } from "vitest";
import type { ReplicatedStore } from "../api/v1alpha1/types.ts";
import { EventRecorder } from "../kube/event-recorder.ts";
import { FakeClock } from "../kube/fake-clock.ts";
import { FakeKubeClient } from "../kube/fake-kube-client.ts";
import type { KubernetesObject, V1StatefulSet } from "../kube/objects.ts";
import { createLogger } from "../log.ts";
import { FakeReplicaServer } from "../member/fake-replica-server.ts";
import { idFromWire } from "../member/member-id.ts";
import { buildStatefulSet } from "../platform/kubernetes/build-objects.ts";
import { memberIn, selectorLabels, templateHashLabel } from "../platform/kubernetes/names.ts";
import { buildPodTemplate } from "../platform/kubernetes/pod-template.ts";
import { storeFrom } from "../platform/kubernetes/store.ts";
import { Reconciler } from "./reconcile.ts";

const slots = [0, 1, 2];
const idOf = (slot: number) => BigInt(slot + 10);
const resource: ReplicatedStore = {
  apiVersion: "rstore.dev/v1alpha1",
  kind: "ReplicatedStore",
  metadata: { name: "demo", namespace: "shop", uid: "u-1" },
  spec: {},
  status: { clusterId: idFromWire(7n), settledReplicas: 3 },
};

const refOfStore = { apiVersion: "", kind: "ReplicatedStore", namespace: "shop", name: "demo" };

const servers: FakeReplicaServer[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

/** The replica in a slot; the first leads. */
async function serve(slot: number): Promise<FakeReplicaServer> {
  const header = { leaderId: idOf(0), term: 2n };
  const server = await FakeReplicaServer.start({
    identity: () => ({
      ...memberIn(storeFrom(resource), slot),
      memberId: idOf(slot),
      clusterId: 7n,
      incarnation: 1n,
    }),
    status: () => ({ header, role: slot === 0 ? Role.LEADER : Role.FOLLOWER, commitIndex: 5n, version: "1" }),
    listMembers: () => ({
      header,
      configurationIndex: 3n,
      committed: true,
      members: slots.map((of) => ({ id: idOf(of), name: `demo-${of}`, kind: MemberKind.VOTER })),
      progress: slots.map((of) => ({ memberId: idOf(of), active: true, matchIndex: 5n })),
    }),
  });
  servers.push(server);
  return server;
}

interface World {
  readonly client: FakeKubeClient;
  /** `apply Service demo`, in order. */
  readonly calls: string[];
  readonly turn: () => Promise<number | undefined>;
  readonly read: (kind: string, name?: string) => KubernetesObject | undefined;
  readonly degraded: () => { readonly reason: string; readonly message: string } | undefined;
  readonly gone: string[];
}

/** A store of three that serves. */
async function createWorld(): Promise<World> {
  const client = new FakeKubeClient();
  await client.create(resource as never);
  const store = storeFrom(resource);
  const { template, hash } = buildPodTemplate(store, "rstore:1.0.0");
  await client.create<V1StatefulSet>(buildStatefulSet(store, 3, template));
  for (const slot of slots) {
    const labels = { ...selectorLabels(store), [templateHashLabel]: hash };
    const place = { namespace: "shop", labels };
    await client.create<KubernetesObject & { spec: object; status: object }>({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { ...place, name: `demo-${slot}` },
      spec: { nodeName: `n${slot}` },
      status: { podIP: `${slot}`, conditions: [{ type: "Ready", status: "True" }] },
    });
    await client.create<KubernetesObject & { spec: object; status: object }>({
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { ...place, name: `data-demo-${slot}` },
      spec: { volumeName: `pv-${slot}` },
      status: { phase: "Bound" },
    });
    for (const [kind, name] of [
      ["PersistentVolume", `pv-${slot}`],
      ["Node", `n${slot}`],
    ])
      await client.create({ apiVersion: "v1", kind, metadata: { name } } as KubernetesObject);
  }
  const addresses = await Promise.all(slots.map(async (slot) => (await serve(slot)).address));
  const clock = new FakeClock();
  const gone: string[] = [];
  const reconciler = new Reconciler({
    client,
    events: new EventRecorder({ client, clock, controller: "", instance: "", failed: () => {} }),
    log: createLogger("error", "/dev/null"),
    images: { repository: "rstore", defaultVersion: "1.0.0" },
    operator: { namespace: "system", podLabels: {} },
    addressOf: (ip) => addresses[Number(ip)]!,
    nowMs: () => 1_000_000,
    mayAct: () => true,
    stepTaken: () => {},
    looked: () => {},
    gone: ({ namespace, name }, uid) => void gone.push(`${namespace}/${name} ${uid}`),
  });
  const calls: string[] = [];
  client.before = (call, name) => void calls.push(`${call} ${name}`);
  const read = (kind: string, name = "demo") => client.objects.get(`${kind} shop/${name}`);
  const degraded = () =>
    (read("ReplicatedStore") as unknown as ReplicatedStore).status?.conditions?.find(
      ({ type }) => type === "Degraded",
    );
  const turn = () => reconciler.reconcile("shop", "demo");
  return { client, calls, read, degraded, gone, turn };
}

/** Until nothing is left to do. */
async function settle({ calls, turn }: World): Promise<void> {
  for (let turns = 0; turns < 5; turns += 1) {
    calls.splice(0);
    await turn();
    if (calls.every((call) => /^(read|list) /.test(call))) return;
  }
  throw new Error(`it goes on: ${calls.join(", ")}`);
}

describe("a store at rest", () => {
  it("is looked at with nine calls, all of which read", async () => {
    const world = await createWorld();
    await settle(world);
    expect(world.degraded()).toMatchObject({ reason: "FullStrength" });
    world.calls.splice(0);
    await world.turn();
    expect(world.calls.length).toBeLessThanOrEqual(9);
    expect(world.calls.filter((call) => !/^(read|list) /.test(call))).toEqual([]);
  });
});

describe("drift is put right by the next look (E11)", () => {
  it.each<[kind: string, name: string, edit: object]>([
    ["StatefulSet", "demo", { metadata: { labels: { "app.kubernetes.io/managed-by": "me" } } }],
    ["Service", "demo", { spec: { selector: { other: "yes" } } }],
    ["Service", "demo-peers", { spec: { publishNotReadyAddresses: false } }],
    ["ServiceAccount", "demo", { automountServiceAccountToken: true }],
    [
      "PodDisruptionBudget",
      "demo",
      { spec: { minAvailable: 2, unhealthyPodEvictionPolicy: "IfHealthyBudget" } },
    ],
    ["NetworkPolicy", "demo", { spec: { ingress: [] } }],
    ["NetworkPolicy", "demo", { metadata: { labels: { "app.kubernetes.io/managed-by": "me" } } }],
  ])("of the %s %s: %j", async (kind, name, edit) => {
    const world = await createWorld();
    await settle(world);
    const before = world.read(kind, name);
    await world.client.mergePatch({ apiVersion: "", kind, namespace: "shop", name }, edit);
    world.calls.splice(0);
    await world.turn();
    expect(contentOf(world.read(kind, name))).toEqual(contentOf(before));
    expect(world.calls.filter((call) => call.startsWith("apply"))).toEqual([`apply ${name}`]);
  });

  it("what is missing is made again", async () => {
    const world = await createWorld();
    await settle(world);
    world.client.objects.delete("Service shop/demo-peers");
    await world.turn();
    expect(world.read("Service", "demo-peers")).toBeDefined();
  });

  it("what Kubernetes writes into status is no drift", async () => {
    const world = await createWorld();
    await settle(world);
    for (const kind of ["StatefulSet", "PodDisruptionBudget", "Service"]) {
      const ref = { apiVersion: "", kind, namespace: "shop", name: "demo" };
      await world.client.mergePatch(ref, { status: { seen: 1 } });
    }
    world.calls.splice(0);
    await world.turn();
    expect(world.calls.filter((call) => call.startsWith("apply"))).toEqual([]);
  });

  it("a spec that says something else is applied", async () => {
    const world = await createWorld();
    await settle(world);
    const spec = { service: { annotations: { "example/zone": "a" } } };
    await world.client.mergePatch(refOfStore, { spec });
    await world.turn();
    expect(world.read("Service")?.metadata?.annotations).toEqual({ "example/zone": "a" });
  });
});

function contentOf(object: KubernetesObject | undefined): unknown {
  const { metadata, ...content } = object ?? {};
  return { ...content, labels: metadata?.labels, owners: metadata?.ownerReferences };
}

describe("a name of a running store that somebody else took", () => {
  const stranger = { namespace: "shop", name: "demo", uid: "other", labels: { theirs: "yes" } };

  async function take(world: World, kind: string): Promise<KubernetesObject> {
    await settle(world);
    world.client.objects.delete(`${kind} shop/demo`);
    await world.client.create({ apiVersion: "", kind, metadata: { ...stranger } });
    world.calls.splice(0);
    return world.read(kind)!;
  }

  it("of its budget: nothing waits for it", async () => {
    const world = await createWorld();
    const before = await take(world, "PodDisruptionBudget");
    world.client.objects.delete("Service shop/demo-peers");
    await world.turn();
    expect(world.read("PodDisruptionBudget")).toEqual(before);
    expect(world.read("Service", "demo-peers")).toBeDefined();
    expect(world.degraded()).toMatchObject({ reason: "NameTaken" });
    world.calls.splice(0);
    expect(await world.turn()).toBe(10_000);
    expect(world.calls.filter((call) => !/^(read|list) /.test(call))).toEqual([]);
  });

  it("of its budget, between the look and the apply", async () => {
    const world = await createWorld();
    const { client, turn, read } = world;
    let isThere = false;
    client.before = async (call) => {
      if (call !== "apply" || isThere) return;
      isThere = true;
      await client.create({ apiVersion: "", kind: "PodDisruptionBudget", metadata: { ...stranger } });
    };
    for (let turns = 0; turns < 3; turns += 1) await turn().catch(() => {});
    expect(read("PodDisruptionBudget")?.metadata).toMatchObject({ uid: "other", labels: { theirs: "yes" } });
  });

  it("of its StatefulSet: no process is ended that nobody would bring back, and nothing is made", async () => {
    const world = await createWorld();
    const before = await take(world, "StatefulSet");
    // A rolling change would be next.
    await world.client.mergePatch(refOfStore, { spec: { image: "rstore:2" } });
    for (let turns = 0; turns < 3; turns += 1) expect(await world.turn()).toBe(10_000);
    expect(world.read("StatefulSet")).toEqual(before);
    expect(world.calls.filter((call) => /^(evict|delete|apply) /.test(call))).toEqual([]);
    expect(world.degraded()).toMatchObject({
      reason: "NameTaken",
      message: expect.stringContaining("the StatefulSet demo is not this store's"),
    });
    world.client.objects.delete("StatefulSet shop/demo");
    await world.turn();
    expect(world.read("StatefulSet")?.metadata?.ownerReferences?.[0]?.uid).toBe("u-1");
  });
});

it("of a store that is gone nothing is remembered, nor of one that had its name", async () => {
  const world = await createWorld();
  await world.turn();
  world.client.objects.delete("ReplicatedStore shop/demo");
  await world.client.create({ ...resource, metadata: { ...resource.metadata, uid: "u-2" } } as never);
  await world.turn();
  expect(world.gone).toEqual(["shop/demo u-1"]);
  world.client.objects.delete("ReplicatedStore shop/demo");
  expect(await world.turn()).toBeUndefined();
  expect(world.gone).toEqual(["shop/demo u-1", "shop/demo u-2"]);
  // What is forgotten goes once.
  await world.turn();
  expect(world.gone).toHaveLength(2);
});

import { describe, expect, it } from "vitest";
import type { ReplicatedStore } from "../../api/v1alpha1/types.ts";
import { FakeKubeClient } from "../../kube/fake-kube-client.ts";
import { KubeError } from "../../kube/kube-error.ts";
import type { KubernetesObject, V1Pod, V1PodDisruptionBudget, V1StatefulSet } from "../../kube/objects.ts";
import type { Step } from "../../plan/step.ts";
import { inputFromScenario } from "../../plan/testing/scenario.ts";
import { StepOutdatedError } from "../step-outdated-error.ts";
import { act } from "./act.ts";
import type { ActContext } from "./act-context.ts";
import { AppliedObjects } from "./applied-objects.ts";
import { applyOwnedObjects } from "./apply-objects.ts";
import { ownerReference, voterLabel } from "./names.ts";
import { buildPodTemplate } from "./pod-template.ts";
import { StatusWriter } from "./status-writer.ts";
import { storeFrom } from "./store.ts";

const reason = "why";
const place = { namespace: "shop" };
const resource: ReplicatedStore = {
  apiVersion: "rstore.dev/v1alpha1",
  kind: "ReplicatedStore",
  metadata: { name: "demo", namespace: "shop", uid: "u-1", resourceVersion: "1" },
  spec: {},
};

interface World {
  readonly client: FakeKubeClient;
  /** `apply demo`, in order. */
  readonly calls: string[];
  readonly context: ActContext;
  readonly set: () => V1StatefulSet;
  readonly budget: () => V1PodDisruptionBudget;
}

/** Three pods of a StatefulSet, of which the first two are marked, and a budget of one. */
async function createWorld(assertMayAct = () => {}): Promise<World> {
  const client = new FakeKubeClient();
  const store = storeFrom(resource);
  const { template, hash } = buildPodTemplate(store, "image:1");
  const set = await client.create<V1StatefulSet>({
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { ...place, name: "demo", ownerReferences: [ownerReference(store)] },
    spec: { replicas: 3, selector: {}, template, serviceName: "" },
  });
  const budget = await client.create<V1PodDisruptionBudget>({
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: { ...place, name: "demo", ownerReferences: [ownerReference(store)] },
    spec: { minAvailable: 1 },
  });
  const pods = new Map<number, V1Pod>();
  for (const slot of [0, 1, 2]) {
    const labels: Record<string, string> = slot < 2 ? { [voterLabel]: "true" } : {};
    const metadata = { ...place, name: `demo-${slot}`, labels };
    pods.set(slot, await client.create<V1Pod>({ apiVersion: "v1", kind: "Pod", metadata }));
  }
  const claim = await client.create<KubernetesObject>({
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { ...place, name: "data-demo-2", uid: "claim-2" },
  });
  const calls: string[] = [];
  client.before = (call, name) => void calls.push(`${call} ${name}`);
  const read = <T>(kind: string) => client.objects.get(`${kind} shop/demo`) as T;
  const context: ActContext = {
    client,
    store,
    objects: {
      resource,
      statefulSet: set,
      budget,
      pods,
      claims: new Map([[2, claim as never]]),
      missingClass: undefined,
      others: new Map(),
      obstacles: [],
    },
    input: inputFromScenario({ deleting: true, budget: { minAvailable: 1, voters: [0, 1] } }),
    addresses: new Map(),
    removed: new Map(),
    memberIn: () => ({ name: "", peerUrl: "", clientUrl: "" }),
    wanted: { template, hash },
    operator: { namespace: "system", podLabels: {} },
    status: new StatusWriter(client, resource),
    applied: new AppliedObjects(),
    assertMayAct,
    event: async () => {},
    removeFinalizer: async () => {},
  };
  return {
    client,
    calls,
    context,
    set: () => read("StatefulSet"),
    budget: () => read("PodDisruptionBudget"),
  };
}

const writes = (calls: readonly string[]) => calls.filter((call) => !call.startsWith("read"));

describe("the disruption budget: at no moment more may go than before or after (E19)", () => {
  it("it is raised before pods are marked", async () => {
    const { context, calls } = await createWorld();
    await act({ kind: "setBudget", minAvailable: 2, voters: [0, 1, 2], reason }, context);
    expect(writes(calls)).toEqual(["apply demo", "patch demo-2"]);
  });

  it("it is lowered after marks were taken away", async () => {
    const { context, calls, budget } = await createWorld();
    await act({ kind: "setBudget", minAvailable: 0, voters: [0], reason }, context);
    expect(writes(calls)).toEqual(["patch demo-1", "apply demo"]);
    expect(budget().spec?.minAvailable).toBe(0);
  });

  it("a pod that is gone, or another one by now, is not marked and holds nothing up", async () => {
    const { client, context, calls } = await createWorld();
    client.objects.delete("Pod shop/demo-0");
    await client.create({ apiVersion: "v1", kind: "Pod", metadata: { ...place, name: "demo-0" } });
    client.objects.delete("Pod shop/demo-1");
    calls.splice(0);
    await act({ kind: "setBudget", minAvailable: 0, voters: [], reason }, context);
    expect(writes(calls)).toEqual(["patch demo-0", "patch demo-1", "apply demo"]);
    expect(client.objects.get("Pod shop/demo-0")?.metadata?.labels).toBeUndefined();
  });
});

describe("a disruption budget that somebody else wrote to (C3)", () => {
  const marked = { minAvailable: 0, voters: [0, 1] };

  async function createSpoilt(spec: object): Promise<World> {
    const world = await createWorld();
    const ref = { apiVersion: "policy/v1", kind: "PodDisruptionBudget", ...place, name: "demo" };
    const budget = await world.client.mergePatch<V1PodDisruptionBudget>(ref, { spec });
    const context: ActContext = {
      ...world.context,
      objects: { ...world.context.objects, budget },
      input: { ...world.context.input, budget: marked },
    };
    world.calls.splice(0);
    return { ...world, context };
  }

  it("a percentage lets no voter go until the plan says how many, in the same turn", async () => {
    const { context, budget } = await createSpoilt({ minAvailable: "50%" });
    expect(await applyOwnedObjects(context)).toEqual([]);
    expect(budget().spec?.minAvailable).toBe(2);
    await act({ kind: "setBudget", minAvailable: 1, voters: [0, 1], reason }, context);
    expect(budget().spec?.minAvailable).toBe(1);
  });

  it("a number of pods that may go is taken out, since both at once are refused", async () => {
    const { client, context, budget } = await createSpoilt({ maxUnavailable: 2 });
    client.before = (call) => {
      const isRefused = call === "apply" && (budget().spec?.maxUnavailable ?? undefined) !== undefined;
      if (isRefused) throw new KubeError("invalid", "they cannot both be set");
    };
    await act({ kind: "setBudget", minAvailable: 2, voters: [0, 1], reason }, context);
    expect(budget().spec?.minAvailable).toBe(2);
  });
});

it("what is refused of one object does not keep the others from being put right", async () => {
  const { client, context, set } = await createWorld();
  client.before = (call, name) => {
    if (call === "apply" && name === "demo-peers") throw new KubeError("invalid", "no such port");
  };
  expect(await applyOwnedObjects(context)).toHaveLength(1);
  const kinds = [...client.objects.values()].map(({ kind }) => kind);
  expect(kinds).toEqual(expect.arrayContaining(["Service", "ServiceAccount", "NetworkPolicy"]));
  expect(set().metadata?.labels?.["app.kubernetes.io/managed-by"]).toBe("rstore-operator");
});

/** Somebody writes to it between the look and the act. */
async function touch(world: World, kind: "StatefulSet" | "PodDisruptionBudget", change: object) {
  const ref = { apiVersion: "", kind, ...place, name: "demo" };
  await world.client.mergePatch(ref, change);
  world.calls.splice(0);
}

describe("what is applied is applied to what was observed (E1, E17)", () => {
  const steps: readonly [kind: "StatefulSet" | "PodDisruptionBudget", step: Step][] = [
    ["StatefulSet", { kind: "startSlot", slot: 3, reason }],
    ["PodDisruptionBudget", { kind: "setBudget", minAvailable: 2, voters: [0, 1], reason }],
  ];

  it.each(steps)("a %s whose status alone was written since is applied again", async (kind, step) => {
    const world = await createWorld();
    await touch(world, kind, { status: { observedGeneration: 1 } });
    await act(step, world.context);
    expect(world.calls).toEqual(["apply demo", "read demo", "apply demo"]);
  });

  it.each(steps)("a %s whose spec is another one by now is left alone", async (kind, step) => {
    const world = await createWorld();
    const spec = kind === "StatefulSet" ? { ...world.set().spec, replicas: 5 } : { minAvailable: 3 };
    await touch(world, kind, { spec });
    await expect(act(step, world.context)).rejects.toThrow(KubeError);
    expect(kind === "StatefulSet" ? world.set().spec?.replicas : world.budget().spec?.minAvailable).toBe(
      kind === "StatefulSet" ? 5 : 3,
    );
  });

  it.each(steps)("a %s that was given to another owner since is left alone", async (kind, step) => {
    const world = await createWorld();
    const found = world.client.objects.get(`${kind} shop/demo`)!;
    const ownerReferences = [ownerReference({ name: "other", uid: "u-9" })];
    await world.client.replace({ ...found, metadata: { ...found.metadata, ownerReferences } });
    world.calls.splice(0);
    await expect(act(step, world.context)).rejects.toThrow(KubeError);
    expect(world.calls).toEqual(["apply demo", "read demo"]);
  });

  it("of two steps of one turn the second sees what the first wrote", async () => {
    const world = await createWorld();
    await act({ kind: "startSlot", slot: 3, reason }, world.context);
    await act({ kind: "startSlot", slot: 4, reason }, world.context);
    expect(world.set().spec?.replicas).toBe(5);
    expect(world.calls).toEqual(["apply demo", "apply demo"]);
  });

  describe("a StatefulSet that is made anew", () => {
    async function createOrphans(): Promise<World> {
      const world = await createWorld();
      world.client.objects.delete("StatefulSet shop/demo");
      const objects = { ...world.context.objects, statefulSet: undefined };
      return { ...world, context: { ...world.context, objects } };
    }
    const first = ({ context }: World): Step => ({ kind: "setTemplate", hash: context.wanted.hash, reason });

    it("keeps the pods that run, and ends none of them with its first write", async () => {
      const world = await createOrphans();
      await act(first(world), world.context);
      expect(world.set().spec?.replicas).toBe(3);
      await act({ kind: "startSlot", slot: 0, reason }, world.context);
      expect(world.set().spec?.replicas).toBe(3);
    });

    it("brings none back that is being ended", async () => {
      const world = await createOrphans();
      const { pods } = world.context.objects;
      const ended = pods.get(2)!;
      const metadata = { ...ended.metadata, deletionTimestamp: new Date(0) };
      const objects = { ...world.context.objects, pods: new Map([...pods, [2, { ...ended, metadata }]]) };
      await act(first(world), { ...world.context, objects });
      expect(world.set().spec?.replicas).toBe(2);
    });

    it("begins with none where there are no pods", async () => {
      const world = await createOrphans();
      const objects = { ...world.context.objects, pods: new Map() };
      await act(first(world), { ...world.context, objects });
      expect(world.set().spec?.replicas).toBe(0);
    });

    it("is not written over one that somebody made since", async () => {
      const world = await createOrphans();
      const metadata = { ...place, name: "demo", uid: "other" };
      await world.client.create({ apiVersion: "apps/v1", kind: "StatefulSet", metadata });
      await expect(act(first(world), world.context)).rejects.toThrow(StepOutdatedError);
      expect(world.set().spec).toBeUndefined();
    });
  });

  it("of a StatefulSet that was made for another resource of this name, what can't be changed stays", async () => {
    const world = await createWorld();
    const immutable = {
      selector: { matchLabels: { older: "yes" } },
      serviceName: "older",
      podManagementPolicy: "OrderedReady",
      volumeClaimTemplates: [{ metadata: { name: "data", annotations: { "rstore.dev/store-uid": "u-0" } } }],
    };
    const statefulSet: V1StatefulSet = { ...world.set(), spec: { ...world.set().spec!, ...immutable } };
    const objects = { ...world.context.objects, statefulSet };
    await act({ kind: "startSlot", slot: 3, reason }, { ...world.context, objects });
    expect(world.set().spec).toMatchObject({
      ...immutable,
      replicas: 4,
      updateStrategy: { type: "OnDelete" },
    });
  });

  it("to start a slot that is kept, or to end none, changes nothing", async () => {
    const world = await createWorld();
    await act({ kind: "startSlot", slot: 1, reason }, world.context);
    await act({ kind: "stopSlots", from: 4, reason }, world.context);
    expect(world.set().spec?.replicas).toBe(3);
  });
});

describe("what is deleted is what was observed (E1)", () => {
  const step: Step = { kind: "deleteClaim", slot: 2, uid: "claim-2", reason };

  it("the claim of that uid", async () => {
    const { context, client } = await createWorld();
    await act(step, context);
    expect(client.objects.has("PersistentVolumeClaim shop/data-demo-2")).toBe(false);
  });

  it.each([
    ["another one of its name", { uid: "claim-other" }],
    ["one that was written since", { uid: "claim-2" }],
  ])("not %s", async (_, metadata) => {
    const { context, client } = await createWorld();
    const name = "data-demo-2";
    client.objects.delete(`PersistentVolumeClaim shop/${name}`);
    await client.create({
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { ...place, name, ...metadata },
    });
    await expect(act(step, context)).rejects.toThrow(KubeError);
    expect(client.objects.has(`PersistentVolumeClaim shop/${name}`)).toBe(true);
  });

  it("a process that is another one by now is not ended", async () => {
    const { context, client } = await createWorld();
    const restart: Step = { kind: "restartSlot", slot: 0, replicaUid: "old", how: "force", reason };
    await expect(act(restart, context)).rejects.toThrow(KubeError);
    expect(client.objects.has("Pod shop/demo-0")).toBe(true);
  });
});

it("an operator that may not act any more writes nothing (E17)", async () => {
  const { context, calls } = await createWorld(() => {
    throw new StepOutdatedError("another operator may lead by now");
  });
  const steps: readonly Step[] = [
    { kind: "startSlot", slot: 3, reason },
    { kind: "setBudget", minAvailable: 2, voters: [0], reason },
    { kind: "deleteClaim", slot: 2, uid: "claim-2", reason },
    { kind: "clearLatch", reason },
    { kind: "recordClusterId", clusterId: "1", reason },
  ];
  for (const step of steps) await expect(act(step, context)).rejects.toThrow(StepOutdatedError);
  await expect(applyOwnedObjects(context)).rejects.toThrow(StepOutdatedError);
  expect(calls).toEqual([]);
});

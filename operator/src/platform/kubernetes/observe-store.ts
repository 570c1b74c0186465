import type { ReplicatedStore } from "../../api/v1alpha1/types.ts";
import type { KubeClient } from "../../kube/kube-client.ts";
import { isKubeError } from "../../kube/kube-error.ts";
import type {
  V1Node,
  V1PersistentVolume,
  V1PersistentVolumeClaim,
  V1Pod,
  V1PodDisruptionBudget,
  V1StatefulSet,
  V1StorageClass,
} from "../../kube/objects.ts";
import { names, selectorLabels, slotOf } from "./names.ts";
import { nodeOfVolume } from "./observe-node.ts";
import type { Store } from "./store.ts";

/** Everything of a store in the cluster, read from the API server and not from a cache. */
export interface StoreObjects {
  readonly resource: ReplicatedStore;
  readonly statefulSet: V1StatefulSet | undefined;
  readonly budget: V1PodDisruptionBudget | undefined;
  /** By slot. */
  readonly pods: ReadonlyMap<number, V1Pod>;
  readonly claims: ReadonlyMap<number, V1PersistentVolumeClaim>;
  /** Of the claims that are bound, by slot; absent when it is gone or may not be read. */
  readonly volumes: ReadonlyMap<number, V1PersistentVolume>;
  /** By name. undefined: gone. Absent: may not be read. */
  readonly nodes: ReadonlyMap<string, V1Node | undefined>;
  /** The storage class that spec names, when claims wait and there is none of that name. */
  readonly missingClass: string | undefined;
  /** False: nodes and volumes may not be read. */
  readonly mayReadNodes: boolean;
}

export async function readStoreObjects(
  client: KubeClient,
  store: Store,
  resource: ReplicatedStore,
): Promise<StoreObjects> {
  const { namespace } = store;
  const labelSelector = Object.entries(selectorLabels(store))
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
  const [statefulSet, budget, pods, claims] = await Promise.all([
    client.read<V1StatefulSet>({
      apiVersion: "apps/v1",
      kind: "StatefulSet",
      namespace,
      name: names.statefulSet(store),
    }),
    client.read<V1PodDisruptionBudget>({
      apiVersion: "policy/v1",
      kind: "PodDisruptionBudget",
      namespace,
      name: names.budget(store),
    }),
    client.list<V1Pod>({ apiVersion: "v1", kind: "Pod" }, { namespace, labelSelector }),
    client.list<V1PersistentVolumeClaim>(
      { apiVersion: "v1", kind: "PersistentVolumeClaim" },
      { namespace, labelSelector },
    ),
  ]);
  const podsBySlot = bySlot(store, pods.items, names.pod);
  const claimsBySlot = bySlot(store, claims.items, names.claim);
  const volumes = await readVolumes(client, claimsBySlot);
  const nodes = await readNodes(client, podsBySlot, volumes);
  const missingClass = await missingStorageClass(client, store, claimsBySlot);
  return {
    resource,
    statefulSet,
    budget,
    pods: podsBySlot,
    claims: claimsBySlot,
    volumes: volumes ?? new Map(),
    nodes: nodes ?? new Map(),
    missingClass,
    mayReadNodes: volumes !== undefined && nodes !== undefined,
  };
}

/** By the ordinal in their names, and only those whose name is exactly what the store would give them (E5). */
function bySlot<T extends { metadata?: { name?: string } }>(
  store: Store,
  objects: readonly T[],
  nameOf: (store: Store, slot: number) => string,
): Map<number, T> {
  const found = new Map<number, T>();
  for (const object of objects) {
    const name = object.metadata?.name ?? "";
    const slot = slotOf(store, name);
    if (slot !== undefined && nameOf(store, slot) === name) found.set(slot, object);
  }
  return found;
}

/** undefined: they may not be read. */
async function readVolumes(
  client: KubeClient,
  claims: ReadonlyMap<number, V1PersistentVolumeClaim>,
): Promise<Map<number, V1PersistentVolume> | undefined> {
  return permitted(async () => {
    const volumes = new Map<number, V1PersistentVolume>();
    for (const [slot, claim] of claims) {
      const name = claim.spec?.volumeName;
      if (name === undefined || name === "") continue;
      const volume = await client.read<V1PersistentVolume>({
        apiVersion: "v1",
        kind: "PersistentVolume",
        name,
      });
      if (volume !== undefined) volumes.set(slot, volume);
    }
    return volumes;
  });
}

async function readNodes(
  client: KubeClient,
  pods: ReadonlyMap<number, V1Pod>,
  volumes: ReadonlyMap<number, V1PersistentVolume> | undefined,
): Promise<Map<string, V1Node | undefined> | undefined> {
  const wanted = new Set<string>();
  for (const pod of pods.values()) if (pod.spec?.nodeName) wanted.add(pod.spec.nodeName);
  for (const volume of volumes?.values() ?? []) {
    const node = nodeOfVolume(volume);
    if (node !== undefined) wanted.add(node);
  }
  return permitted(async () => {
    const nodes = new Map<string, V1Node | undefined>();
    for (const name of wanted)
      nodes.set(name, await client.read<V1Node>({ apiVersion: "v1", kind: "Node", name }));
    return nodes;
  });
}

/** undefined: it is there, or may not be read, or nobody waits for it. */
async function missingStorageClass(
  client: KubeClient,
  { spec }: Store,
  claims: ReadonlyMap<number, V1PersistentVolumeClaim>,
): Promise<string | undefined> {
  const name = spec.storage.storageClassName;
  const isAwaited = [...claims.values()].some(({ status }) => status?.phase !== "Bound");
  if (name === undefined || name === "" || !isAwaited) return undefined;
  return permitted(async () => {
    const ref = { apiVersion: "storage.k8s.io/v1", kind: "StorageClass", name };
    return (await client.read<V1StorageClass>(ref)) === undefined ? name : undefined;
  });
}

async function permitted<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (isKubeError(error, "forbidden")) return undefined;
    throw error;
  }
}

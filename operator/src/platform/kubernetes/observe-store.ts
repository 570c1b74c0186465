import type { ReplicatedStore } from "../../api/v1alpha1/types.ts";
import type { KubeClient } from "../../kube/kube-client.ts";
import { isKubeError } from "../../kube/kube-error.ts";
import type { V1PersistentVolumeClaim, V1Pod, V1StorageClass } from "../../kube/objects.ts";
import { selectorLabels, slotOf, slotOfClaim } from "./names.ts";
import { type OwnedObjects, readOwned } from "./read-owned.ts";
import type { Store } from "./store.ts";

/** Everything of a store in the cluster, read from the API server and not from a cache. */
export interface StoreObjects extends OwnedObjects {
  readonly resource: ReplicatedStore;
  /** By slot. */
  readonly pods: ReadonlyMap<number, V1Pod>;
  readonly claims: ReadonlyMap<number, V1PersistentVolumeClaim>;
  /** The storage class that spec names, when claims wait and there is none of that name. */
  readonly missingClass: string | undefined;
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
  const [owned, pods, claims] = await Promise.all([
    readOwned(client, store),
    client.list<V1Pod>({ apiVersion: "v1", kind: "Pod" }, { namespace, labelSelector }),
    client.list<V1PersistentVolumeClaim>(
      { apiVersion: "v1", kind: "PersistentVolumeClaim" },
      { namespace, labelSelector },
    ),
  ]);
  const podsBySlot = bySlot(store, pods.items, slotOf);
  const claimsBySlot = bySlot(store, claims.items, slotOfClaim);
  const missingClass = await missingStorageClass(client, store, claimsBySlot);
  return { ...owned, resource, pods: podsBySlot, claims: claimsBySlot, missingClass };
}

/** By the ordinal in their names, and only those whose name is exactly what the store would give them (E5). */
function bySlot<T extends { metadata?: { name?: string } }>(
  store: Store,
  objects: readonly T[],
  slotIn: (store: Store, name: string) => number | undefined,
): Map<number, T> {
  const found = new Map<number, T>();
  for (const object of objects) {
    const name = object.metadata?.name ?? "";
    const slot = slotIn(store, name);
    if (slot !== undefined) found.set(slot, object);
  }
  return found;
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
  try {
    const ref = { apiVersion: "storage.k8s.io/v1", kind: "StorageClass", name };
    return (await client.read<V1StorageClass>(ref)) === undefined ? name : undefined;
  } catch (error) {
    if (isKubeError(error, "forbidden")) return undefined;
    throw error;
  }
}

import type { KubernetesObject } from "@rstore/operator/kube/objects";
import type { AdminApi, Resource } from "../admin-api.ts";
import { isDeleting, placeOf, uidOf } from "./objects.ts";
import { ignoreOutdated, preconditions } from "./stateful-sets.ts";

/** Kinds of which others are owned, before what they own. */
const owned: readonly Resource[] = [
  "statefulsets",
  "pods",
  "services",
  "serviceaccounts",
  "poddisruptionbudgets",
  "networkpolicies",
];

/** Deletes what belongs to nobody any more, as the garbage collector does. */
export async function collectGarbage(api: AdminApi): Promise<void> {
  const stores = await api.list("replicatedstores");
  const living = new Set(stores.map(uidOf));
  for (const resource of owned) {
    const objects = await api.list(resource);
    for (const object of objects) {
      const owners = object.metadata?.ownerReferences ?? [];
      const isOrphan = owners.length > 0 && owners.every(({ uid }) => !living.has(uid));
      if (!isOrphan) living.add(uidOf(object));
      // One that was made after the stores were listed is not without an owner.
      else if (!isDeleting(object) && !(await hasOwner(api, object))) {
        await api.remove(resource, placeOf(object), preconditions(object)).catch(ignoreOutdated);
      }
    }
  }
}

async function hasOwner(api: AdminApi, { metadata }: KubernetesObject): Promise<boolean> {
  const [owner] = metadata?.ownerReferences ?? [];
  const resource = owner?.kind === "StatefulSet" ? "statefulsets" : "replicatedstores";
  const found = await api.read(resource, { namespace: metadata?.namespace, name: owner?.name ?? "" });
  return found !== undefined && uidOf(found) === owner?.uid;
}

const namespaced: readonly Resource[] = [
  "pods",
  "persistentvolumeclaims",
  "statefulsets",
  "services",
  "serviceaccounts",
  "poddisruptionbudgets",
  "networkpolicies",
  "replicatedstores",
  "events",
  "leases",
];

/** Empties namespaces that are being deleted, in no order that helps anybody, and lets them go. */
export async function emptyNamespaces(api: AdminApi): Promise<void> {
  const namespaces = await api.list<KubernetesObject & { spec?: object }>("namespaces");
  for (const namespace of namespaces.filter(isDeleting)) {
    const { name = "" } = namespace.metadata ?? {};
    let left = 0;
    for (const resource of namespaced) {
      const objects = await api.list(resource, name);
      left += objects.length;
      for (const object of objects.filter((candidate) => !isDeleting(candidate)))
        await api.remove(resource, placeOf(object)).catch(ignoreOutdated);
    }
    if (left > 0) continue;
    const place = { name, subresource: "finalize" };
    await api.replace("namespaces", place, { ...namespace, spec: { finalizers: [] } }).catch(ignoreOutdated);
  }
}

import type { V1PersistentVolumeClaim, V1Pod, V1StatefulSet } from "@rstore/operator/kube/objects";
import { type AdminApi, isOutdated } from "../admin-api.ts";
import { claimOf, hasLabels, isDeleting, type Objects, placeOf, uidOf } from "./objects.ts";

/** Makes and ends pods as the controller of StatefulSets does with Parallel and OnDelete; claims are kept. */
export async function keepStatefulSets(api: AdminApi, objects: Objects): Promise<void> {
  for (const set of objects.sets) {
    if (isDeleting(set)) await orphanPods(api, set, objects).catch(ignoreOutdated);
    else await keepSlots(api, set, objects).catch(ignoreOutdated);
  }
}

/** Deleted with `--cascade=orphan`: its pods live on without an owner. */
async function orphanPods(api: AdminApi, set: V1StatefulSet, objects: Objects): Promise<void> {
  if (set.metadata?.finalizers?.includes("orphan") !== true) return;
  for (const pod of podsOf(set, objects)) {
    await api.patch("pods", placeOf(pod), { metadata: { uid: uidOf(pod), ownerReferences: null } });
  }
  await api.patch("statefulsets", placeOf(set), { metadata: { uid: uidOf(set), finalizers: null } });
}

function podsOf(set: V1StatefulSet, { pods }: Objects): readonly V1Pod[] {
  return pods.filter(({ metadata }) => metadata?.ownerReferences?.some(({ uid }) => uid === uidOf(set)));
}

/** Pods without an owner that look like its own become its own. */
async function adoptPods(api: AdminApi, set: V1StatefulSet, { pods }: Objects): Promise<void> {
  for (const pod of pods) {
    const isHere = pod.metadata?.namespace === set.metadata?.namespace && !isDeleting(pod);
    const isFree = (pod.metadata?.ownerReferences ?? []).length === 0;
    if (!isHere || !isFree || !hasLabels(pod, set.spec?.selector.matchLabels ?? {})) continue;
    const { ownerReferences } = podOf(set, 0).metadata ?? {};
    await api.patch("pods", placeOf(pod), { metadata: { uid: uidOf(pod), ownerReferences } });
  }
}

async function keepSlots(api: AdminApi, set: V1StatefulSet, objects: Objects): Promise<void> {
  await adoptPods(api, set, objects);
  const own = podsOf(set, objects);
  const wanted = set.spec?.replicas ?? 0;
  for (let slot = 0; slot < wanted; slot++) {
    const pod = own.find(({ metadata }) => metadata?.name === `${set.metadata?.name}-${slot}`);
    if (pod === undefined) await makePod(api, set, slot, objects);
    // A pod that waits for a claim that was deleted gets it anew.
    else if (pod.spec?.nodeName === undefined && !isDeleting(pod)) await makeClaim(api, set, slot, objects);
  }
  for (const pod of own) {
    const slot = Number(pod.metadata?.name?.split("-").at(-1));
    if (slot >= wanted && !isDeleting(pod)) await api.remove("pods", placeOf(pod), preconditions(pod));
  }
}

async function makePod(api: AdminApi, set: V1StatefulSet, slot: number, objects: Objects): Promise<void> {
  const pod = podOf(set, slot);
  const claim = claimOf(pod, objects.claims);
  // Otherwise the pod would come to life on a volume that is on its way out.
  if (claim !== undefined && isDeleting(claim)) return;
  await makeClaim(api, set, slot, objects);
  await api.create("pods", pod);
}

async function makeClaim(api: AdminApi, set: V1StatefulSet, slot: number, objects: Objects): Promise<void> {
  const [template] = set.spec?.volumeClaimTemplates ?? [];
  if (template === undefined || claimOf(podOf(set, slot), objects.claims) !== undefined) return;
  const { name, namespace } = set.metadata ?? {};
  await api.create<V1PersistentVolumeClaim>("persistentvolumeclaims", {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: {
      ...template.metadata,
      name: `${template.metadata?.name}-${name}-${slot}`,
      ...(namespace === undefined ? {} : { namespace }),
      labels: { ...template.metadata?.labels, ...set.spec?.selector.matchLabels },
    },
    ...(template.spec === undefined ? {} : { spec: template.spec }),
  });
}

function podOf(set: V1StatefulSet, slot: number): V1Pod {
  const { name = "", namespace = "" } = set.metadata ?? {};
  const podName = `${name}-${slot}`;
  const { metadata, spec } = set.spec?.template ?? {};
  const claims = (set.spec?.volumeClaimTemplates ?? []).map((template) => ({
    name: template.metadata?.name ?? "",
    persistentVolumeClaim: { claimName: `${template.metadata?.name}-${podName}` },
  }));
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      ...metadata,
      name: podName,
      namespace,
      labels: {
        ...metadata?.labels,
        "statefulset.kubernetes.io/pod-name": podName,
        "apps.kubernetes.io/pod-index": String(slot),
      },
      ownerReferences: [
        {
          apiVersion: "apps/v1",
          kind: "StatefulSet",
          name,
          uid: uidOf(set),
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: {
      ...spec!,
      hostname: podName,
      subdomain: set.spec?.serviceName ?? "",
      volumes: [...(spec?.volumes ?? []), ...claims],
    },
  };
}

export function preconditions(object: { metadata?: { uid?: string } }): object {
  return { preconditions: { uid: object.metadata?.uid } };
}

export function ignoreOutdated(error: unknown): void {
  if (!isOutdated(error)) throw error;
}

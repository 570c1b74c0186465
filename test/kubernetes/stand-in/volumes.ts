import type {
  V1Node,
  V1PersistentVolume,
  V1PersistentVolumeClaim,
  V1Pod,
} from "@rstore/operator/kube/objects";
import type { AdminApi } from "../admin-api.ts";
import { claimNameOf, claimOf, hasLabels, isDeleting, type Objects, placeOf, uidOf } from "./objects.ts";
import { ignoreOutdated } from "./stateful-sets.ts";

/** Volumes of this class can be used on the node where they were made, others on all. */
export const localClass = "local";

/** By which their driver tells nodes apart: many have one of their own. */
export const topologyLabel = "topology.rstore.dev/test-node";

/** On nodes that only pods with a selector for it may use. */
export const reservedLabel = "site";

/** Gives pods that have a volume a node, and claims of pods that get a node a volume. */
export async function schedulePods(api: AdminApi, objects: Objects): Promise<void> {
  const load = new Map<string, number>();
  const add = (node: string) => load.set(node, (load.get(node) ?? 0) + 1);
  for (const { spec } of objects.pods) if (spec?.nodeName !== undefined) add(spec.nodeName);
  for (const pod of objects.pods) {
    if (pod.spec?.nodeName !== undefined || isDeleting(pod)) continue;
    try {
      const node = await schedule(api, pod, objects, load);
      if (node !== undefined) add(node);
    } catch (error) {
      ignoreOutdated(error);
    }
  }
}

/** @param load pods on each node; returns where the pod went */
async function schedule(
  api: AdminApi,
  pod: V1Pod,
  objects: Objects,
  load: ReadonlyMap<string, number>,
): Promise<string | undefined> {
  const claim = claimOf(pod, objects.claims);
  if (claimNameOf(pod) !== undefined && (claim === undefined || isDeleting(claim))) return undefined;
  const volume = objects.volumes.find(({ metadata }) => metadata?.name === claim?.spec?.volumeName);
  const tied = volume === undefined ? undefined : nodeOf(volume);
  const node = objects.nodes
    .filter(
      (candidate) => isSchedulable(candidate, pod) && (tied === undefined || nameOf(candidate) === tied),
    )
    .sort((a, b) => podsOn(a, load) - podsOn(b, load) || (nameOf(a) < nameOf(b) ? -1 : 1))[0];
  const isLost = claim?.spec?.volumeName !== undefined && volume === undefined;
  const hasClass = objects.classes.some(({ metadata }) => metadata?.name === claim?.spec?.storageClassName);
  if (node === undefined || isLost || !hasClass) {
    await explainPending(api, pod);
    return undefined;
  }
  if (claim !== undefined && claim.spec?.volumeName === undefined) await bind(api, claim, nameOf(node));
  const { name = "", namespace = "" } = pod.metadata ?? {};
  const target = { apiVersion: "v1", kind: "Node", name: nameOf(node) };
  const binding = { apiVersion: "v1", kind: "Binding", metadata: { name, namespace }, target };
  await api.create("pods", binding, "binding");
  return nameOf(node);
}

async function explainPending(api: AdminApi, pod: V1Pod): Promise<void> {
  if (pod.status?.conditions?.some(({ type }) => type === "PodScheduled") === true) return;
  const condition = { type: "PodScheduled", status: "False", reason: "Unschedulable", message: "no node" };
  await api.patch(
    "pods",
    { ...placeOf(pod), subresource: "status" },
    { status: { conditions: [condition] } },
  );
}

async function bind(api: AdminApi, claim: V1PersistentVolumeClaim, node: string): Promise<void> {
  const { name = "", namespace = "", uid = "" } = claim.metadata ?? {};
  const volumeName = `pv-${uid}`;
  const storageClassName = claim.spec?.storageClassName ?? "standard";
  const expression = { key: topologyLabel, operator: "In", values: [node] };
  const required = { nodeSelectorTerms: [{ matchExpressions: [expression] }] };
  await api
    .create<V1PersistentVolume>("persistentvolumes", {
      apiVersion: "v1",
      kind: "PersistentVolume",
      metadata: { name: volumeName },
      spec: {
        accessModes: ["ReadWriteOnce"],
        capacity: { ...claim.spec?.resources?.requests },
        storageClassName,
        persistentVolumeReclaimPolicy: "Delete",
        hostPath: { path: `/volumes/${volumeName}` },
        claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace, name, uid },
        ...(storageClassName === localClass ? { nodeAffinity: { required } } : {}),
      },
    })
    .catch(ignoreOutdated);
  await api.patch(
    "persistentvolumes",
    { name: volumeName, subresource: "status" },
    { status: { phase: "Bound" } },
  );
  await api.patch("persistentvolumeclaims", placeOf(claim), {
    metadata: { uid },
    spec: { volumeName, storageClassName },
  });
  const place = { ...placeOf(claim), subresource: "status" };
  await api.patch("persistentvolumeclaims", place, { status: { phase: "Bound" } });
}

/** Lets claims go that no pod uses any more, and then their volumes. Returns the names of those volumes. */
export async function releaseVolumes(api: AdminApi, objects: Objects): Promise<readonly string[]> {
  const released: string[] = [];
  for (const claim of objects.claims) {
    if (!isDeleting(claim)) continue;
    if (objects.pods.some((pod) => pod.spec?.nodeName !== undefined && claimOf(pod, [claim]) === claim))
      continue;
    const { uid, resourceVersion } = claim.metadata ?? {};
    const patch = { metadata: { uid, resourceVersion, finalizers: null } };
    await api.patch("persistentvolumeclaims", placeOf(claim), patch).catch(ignoreOutdated);
  }
  for (const volume of objects.volumes) {
    const { claimRef } = volume.spec ?? {};
    const { namespace, name = "" } = claimRef ?? {};
    if (objects.claims.some((claim) => uidOf(claim) === claimRef?.uid)) continue;
    // It may have been bound since the claims were listed.
    const claim = await api.read("persistentvolumeclaims", { namespace, name });
    if (claim !== undefined && uidOf(claim) === claimRef?.uid) continue;
    await api.remove("persistentvolumes", placeOf(volume));
    await api.patch("persistentvolumes", placeOf(volume), { metadata: { finalizers: null } });
    released.push(volume.metadata?.name ?? "");
  }
  return released;
}

export function nodeOf(volume: V1PersistentVolume): string | undefined {
  const [term] = volume.spec?.nodeAffinity?.required?.nodeSelectorTerms ?? [];
  return term?.matchExpressions?.[0]?.values?.[0];
}

function nameOf(node: V1Node): string {
  return node.metadata?.name ?? "";
}

function isSchedulable(node: V1Node, pod: V1Pod): boolean {
  const { nodeSelector = {} } = pod.spec ?? {};
  // Nodes with a label of this kind are for those that ask for it.
  const isReserved = node.metadata?.labels?.[reservedLabel] !== undefined;
  if (!hasLabels(node, nodeSelector) || (isReserved && nodeSelector[reservedLabel] === undefined))
    return false;
  const ready = node.status?.conditions?.find(({ type }) => type === "Ready");
  return ready?.status === "True" && node.spec?.unschedulable !== true;
}

function podsOn(node: V1Node, load: ReadonlyMap<string, number>): number {
  return load.get(nameOf(node)) ?? 0;
}

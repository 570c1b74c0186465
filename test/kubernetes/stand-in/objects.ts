import type {
  KubernetesObject,
  V1Node,
  V1PersistentVolume,
  V1PersistentVolumeClaim,
  V1Pod,
  V1PodDisruptionBudget,
  V1StatefulSet,
  V1StorageClass,
} from "@rstore/operator/kube/objects";
import type { AdminApi } from "../admin-api.ts";

/** What the stand-in looks at in each of its rounds. */
export interface Objects {
  readonly nodes: readonly V1Node[];
  readonly classes: readonly V1StorageClass[];
  readonly volumes: readonly V1PersistentVolume[];
  readonly budgets: readonly V1PodDisruptionBudget[];
  readonly sets: readonly V1StatefulSet[];
  readonly pods: readonly V1Pod[];
  readonly claims: readonly V1PersistentVolumeClaim[];
}

/** Pods after budgets: an eviction lowers the budget first. Claims last: they must not be missed for a pod. */
export async function readObjects(api: AdminApi): Promise<Objects> {
  const [nodes, classes, volumes, budgets, sets] = await Promise.all([
    api.list<V1Node>("nodes"),
    api.list<V1StorageClass>("storageclasses"),
    api.list<V1PersistentVolume>("persistentvolumes"),
    api.list<V1PodDisruptionBudget>("poddisruptionbudgets"),
    api.list<V1StatefulSet>("statefulsets"),
  ]);
  const pods = await api.list<V1Pod>("pods");
  const claims = await api.list<V1PersistentVolumeClaim>("persistentvolumeclaims");
  return { nodes, classes, volumes, budgets, sets, pods, claims };
}

export function placeOf({ metadata }: KubernetesObject): { namespace?: string; name: string } {
  const { namespace, name = "" } = metadata ?? {};
  return namespace === undefined ? { name } : { namespace, name };
}

export function uidOf({ metadata }: KubernetesObject): string {
  return metadata?.uid ?? "";
}

export function isDeleting({ metadata }: KubernetesObject): boolean {
  return metadata?.deletionTimestamp !== undefined;
}

export function hasLabels(object: KubernetesObject, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([key, value]) => object.metadata?.labels?.[key] === value);
}

/** Name of the claim that a pod's volumes name. */
export function claimNameOf(pod: V1Pod): string | undefined {
  return pod.spec?.volumes?.find(({ persistentVolumeClaim }) => persistentVolumeClaim !== undefined)
    ?.persistentVolumeClaim?.claimName;
}

export function claimOf(pod: V1Pod, claims: readonly V1PersistentVolumeClaim[]) {
  const name = claimNameOf(pod);
  return claims.find(
    ({ metadata }) => metadata?.namespace === pod.metadata?.namespace && metadata?.name === name,
  );
}

export function isReady(pod: V1Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true;
}

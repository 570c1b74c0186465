import { group, kind, version } from "../../api/v1alpha1/custom-resource-definition.ts";
import type { KubernetesObject, V1OwnerReference } from "../../kube/objects.ts";
import type { Store } from "./store.ts";

export const ports = { client: 4001, peer: 4101, metrics: 4201 } as const;

/** On the pods of voters: what the disruption budget counts. */
export const voterLabel = "rstore.dev/voter";
/** On the pods: hash of the template that they were made from. */
export const templateHashLabel = "rstore.dev/template-hash";

export const volumeName = "data";

type Named = Pick<Store, "name">;

export const names = {
  statefulSet: ({ name }: Named) => name,
  clientService: ({ name }: Named) => name,
  peerService: ({ name }: Named) => `${name}-peers`,
  budget: ({ name }: Named) => name,
  networkPolicy: ({ name }: Named) => name,
  serviceAccount: ({ name }: Named) => name,
  /** As a StatefulSet names them. */
  pod: ({ name }: Named, slot: number) => `${name}-${slot}`,
  claim: ({ name }: Named, slot: number) => `${volumeName}-${name}-${slot}`,
} as const;

/** Of pods and claims, which a selector may look for: never to be changed. */
export function selectorLabels({ name }: Named): Record<string, string> {
  return { "app.kubernetes.io/name": "rstore", "app.kubernetes.io/instance": name };
}

export function objectLabels(store: Named): Record<string, string> {
  return {
    ...selectorLabels(store),
    "app.kubernetes.io/component": "replica",
    "app.kubernetes.io/managed-by": "rstore-operator",
  };
}

export function ownerReference({ name, uid }: Pick<Store, "name" | "uid">): V1OwnerReference {
  return {
    apiVersion: `${group}/${version}`,
    kind,
    name,
    uid,
    controller: true,
    blockOwnerDeletion: true,
  };
}

/** Of the objects of one store. */
export function objectKey({ kind, metadata }: KubernetesObject): string {
  return `${kind} ${metadata?.name}`;
}

/** Ordinal in the name of a pod or a member; undefined: it is not of this store (E5). */
export function slotOf({ name }: Named, objectName: string): number | undefined {
  return ordinalAfter(`${name}-`, objectName);
}

/** Ordinal in a claim's name; undefined: it is not of this store (E5). */
export function slotOfClaim({ name }: Named, claimName: string): number | undefined {
  return ordinalAfter(`${volumeName}-${name}-`, claimName);
}

function ordinalAfter(prefix: string, objectName: string): number | undefined {
  if (!objectName.startsWith(prefix)) return undefined;
  const ordinal = objectName.slice(prefix.length);
  return /^(0|[1-9]\d{0,3})$/.test(ordinal) ? Number(ordinal) : undefined;
}

/** As replicas are told, and tell, who they are. */
export function memberIn(store: Pick<Store, "name" | "namespace">, slot: number) {
  return { name: names.pod(store, slot), ...memberUrls(store, slot) };
}

/** Members are reached by name: a pod's address changes when it is made anew. */
export function memberUrls({ name, namespace }: Pick<Store, "name" | "namespace">, slot: number | string) {
  const host = `${typeof slot === "number" ? `${name}-${slot}` : slot}.${name}-peers.${namespace}.svc`;
  return { peerUrl: `http://${host}:${ports.peer}`, clientUrl: `http://${host}:${ports.client}` };
}

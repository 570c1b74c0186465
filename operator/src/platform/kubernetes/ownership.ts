import { group, kind as storeKind } from "../../api/v1alpha1/custom-resource-definition.ts";
import type { KubernetesObject } from "../../kube/objects.ts";
import { objectLabels } from "./names.ts";
import type { Store } from "./store.ts";

/** An object that has a name which the store needs, and is not the store's. It is left as it is. */
export interface Obstacle {
  readonly kind: string;
  readonly name: string;
  readonly message: string;
  /** It goes by itself. */
  readonly isPassing: boolean;
}

/**
 * The store's own, by its UID. So is what nobody owns and says that this operator made it for a store of this name:
 * it was left behind by a deletion that orphans (`--cascade=orphan`).
 */
export function isOwn(store: Pick<Store, "name" | "uid">, { metadata }: KubernetesObject): boolean {
  const owners = metadata?.ownerReferences ?? [];
  if (owners.length > 0)
    return owners.some(({ uid, controller }) => controller === true && uid === store.uid);
  const labels = metadata?.labels ?? {};
  return Object.entries(objectLabels(store)).every(([key, value]) => labels[key] === value);
}

/** undefined: there is none of that name, or it is the store's own. */
export function obstacleFrom(store: Store, found: KubernetesObject | undefined): Obstacle | undefined {
  if (found === undefined || isOwn(store, found)) return undefined;
  const { kind = "object", metadata } = found;
  const name = metadata?.name ?? "";
  const what = `the ${kind} ${name}`;
  const owner = metadata?.ownerReferences?.find(({ controller }) => controller === true);
  const isFormer =
    owner?.kind === storeKind && owner.apiVersion.startsWith(`${group}/`) && owner.name === store.name;
  if (isFormer || metadata?.deletionTimestamp !== undefined) {
    const whose = isFormer ? "of an earlier resource of this name" : "of somebody else";
    return { kind, name, isPassing: true, message: `waits until ${what} ${whose} is gone` };
  }
  const whose = owner === undefined ? "is not this store's" : `belongs to ${owner.kind} ${owner.name}`;
  const advice = "delete it if nobody needs it, or make this store under another name";
  return { kind, name, isPassing: false, message: `${what} ${whose}, and is left as it is: ${advice}` };
}

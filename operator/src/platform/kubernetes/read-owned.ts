import type { KubeClient } from "../../kube/kube-client.ts";
import type { KubernetesObject, V1PodDisruptionBudget, V1StatefulSet } from "../../kube/objects.ts";
import { names, objectKey } from "./names.ts";
import { type Obstacle, obstacleFrom } from "./ownership.ts";
import type { Store } from "./store.ts";

/** What the store has beside pods and claims; what is missing, or is somebody else's, is not there. */
export interface OwnedObjects {
  readonly statefulSet: V1StatefulSet | undefined;
  readonly budget: V1PodDisruptionBudget | undefined;
  /** The others, by kind and name. */
  readonly others: ReadonlyMap<string, KubernetesObject>;
  /** Others have these names. */
  readonly obstacles: readonly Obstacle[];
}

export async function readOwned(client: KubeClient, store: Store): Promise<OwnedObjects> {
  const { namespace } = store;
  const read = <T extends KubernetesObject>(apiVersion: string, kind: string, name: string) =>
    client.read<T>({ apiVersion, kind, namespace, name });
  const [statefulSet, budget, ...others] = await Promise.all([
    read<V1StatefulSet>("apps/v1", "StatefulSet", names.statefulSet(store)),
    read<V1PodDisruptionBudget>("policy/v1", "PodDisruptionBudget", names.budget(store)),
    read("v1", "ServiceAccount", names.serviceAccount(store)),
    read("v1", "Service", names.peerService(store)),
    read("v1", "Service", names.clientService(store)),
    read("networking.k8s.io/v1", "NetworkPolicy", names.networkPolicy(store)),
  ]);
  const isNeeded = ({ kind }: Obstacle) => kind !== "NetworkPolicy" || store.spec.networkPolicy.enabled;
  const own = <T extends KubernetesObject>(found: T | undefined) =>
    obstacleFrom(store, found) === undefined ? found : undefined;
  const all: readonly (KubernetesObject | undefined)[] = [statefulSet, budget, ...others];
  return {
    statefulSet: own(statefulSet),
    budget: own(budget),
    others: new Map(others.flatMap((found) => (own(found) ? [[objectKey(found!), found!]] : []))),
    obstacles: all.flatMap((found) => obstacleFrom(store, found) ?? []).filter(isNeeded),
  };
}

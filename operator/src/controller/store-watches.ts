import { group, kind, plural, version } from "../api/v1alpha1/custom-resource-definition.ts";
import type { ReplicatedStore } from "../api/v1alpha1/types.ts";
import type { Kind, KubeClient } from "../kube/kube-client.ts";
import type { KubeConfig } from "../kube/kube-config.ts";
import type { KubernetesObject } from "../kube/objects.ts";
import { WatchCache } from "../kube/watch-cache.ts";
import type { QueueClock } from "../kube/work-queue.ts";

export interface StoreWatchesParts {
  readonly config: KubeConfig;
  readonly client: KubeClient;
  readonly clock: QueueClock;
  /** Empty: all. */
  readonly namespaces: readonly string[];
  /** A store, or something of it, changed. */
  readonly changed: (namespace: string, name: string) => void;
  /** Watching objects of this kind is tried again. */
  readonly interrupted: (kind: string, message: string) => void;
}

interface Watched extends Kind {
  readonly plural: string;
}

/** What belongs to stores: a change of it is a reason to look. */
const belongings: readonly Watched[] = [
  { apiVersion: "apps/v1", kind: "StatefulSet", plural: "statefulsets" },
  { apiVersion: "v1", kind: "Pod", plural: "pods" },
  { apiVersion: "v1", kind: "PersistentVolumeClaim", plural: "persistentvolumeclaims" },
  { apiVersion: "v1", kind: "Service", plural: "services" },
  { apiVersion: "v1", kind: "ServiceAccount", plural: "serviceaccounts" },
  { apiVersion: "policy/v1", kind: "PodDisruptionBudget", plural: "poddisruptionbudgets" },
  { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", plural: "networkpolicies" },
];

const belongsTo = "app.kubernetes.io/instance";

/** Tells which stores to look at. What they look like is read from the API server each time. */
export class StoreWatches {
  readonly #stores: WatchCache<KubernetesObject>[];
  readonly #belongings: WatchCache<KubernetesObject>[];

  constructor(parts: StoreWatchesParts) {
    const namespaces = parts.namespaces.length === 0 ? [undefined] : parts.namespaces;
    const store: Watched = { apiVersion: `${group}/${version}`, kind, plural };
    const watch = (watched: Watched, namespace: string | undefined, more: object = {}) =>
      new WatchCache<KubernetesObject>({
        ...parts,
        kind: watched,
        plural: watched.plural,
        ...(namespace === undefined ? {} : { namespace }),
        ...more,
        changed: (object) => changed(parts, watched, object),
      });
    const labelSelector = "app.kubernetes.io/name=rstore";
    this.#stores = namespaces.map((namespace) => watch(store, namespace));
    this.#belongings = namespaces.flatMap((namespace) =>
      belongings.map((watched) => watch(watched, namespace, { labelSelector })),
    );
  }

  start(): void {
    for (const watch of [...this.#stores, ...this.#belongings]) watch.start();
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#stores, ...this.#belongings].map((watch) => watch.stop()));
  }

  get synced(): boolean {
    return [...this.#stores, ...this.#belongings].every((watch) => watch.synced);
  }

  /** The longest time that any of them heard nothing of the API server. */
  silentMs(nowMs: number): number {
    const contacts = [...this.#stores, ...this.#belongings].map((watch) => watch.lastContactMs);
    return nowMs - Math.min(nowMs, ...contacts);
  }

  /** As last heard. */
  stores(): readonly ReplicatedStore[] {
    return this.#stores.flatMap((watch) => watch.list() as readonly unknown[] as readonly ReplicatedStore[]);
  }
}

function changed({ changed: tell }: StoreWatchesParts, watched: Kind, { metadata }: KubernetesObject): void {
  const namespace = metadata?.namespace ?? "";
  if (watched.kind !== kind) {
    const store = metadata?.labels?.[belongsTo];
    if (store !== undefined) tell(namespace, store);
    return;
  }
  tell(namespace, metadata?.name ?? "");
}

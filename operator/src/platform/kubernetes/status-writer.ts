import type { ReplicatedStore, ReplicatedStoreStatus } from "../../api/v1alpha1/types.ts";
import type { CustomObject, KubeClient } from "../../kube/kube-client.ts";

/**
 * The status of one resource, written only on top of what was read: a conflict means that somebody else wrote
 * since, and everything is looked at anew (E17).
 */
export class StatusWriter {
  readonly #client: KubeClient;
  #resource: ReplicatedStore;

  constructor(client: KubeClient, resource: ReplicatedStore) {
    this.#client = client;
    this.#resource = resource;
  }

  get current(): ReplicatedStoreStatus {
    return this.#resource.status ?? {};
  }

  /** Rejects with a KubeError conflict when the resource changed since it was read. */
  async write(
    change: { readonly [K in keyof ReplicatedStoreStatus]?: ReplicatedStoreStatus[K] | undefined },
  ): Promise<void> {
    const status = JSON.parse(JSON.stringify({ ...this.current, ...change })) as ReplicatedStoreStatus;
    if (JSON.stringify(status) === JSON.stringify(this.current)) return;
    const next = { ...this.#resource, status };
    this.#resource = (await this.#client.replaceStatus(
      next as unknown as CustomObject,
    )) as unknown as ReplicatedStore;
  }
}

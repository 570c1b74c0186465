import { isDeepStrictEqual } from "node:util";
import type { ReplicatedStore, ReplicatedStoreStatus } from "../../api/v1alpha1/types.ts";
import type { CustomObject, KubeClient } from "../../kube/kube-client.ts";
import type { StatusChange } from "../status-change.ts";

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

  /** What is not named stays. Rejects with a KubeError conflict when the resource changed since it was read. */
  write(change: StatusChange): Promise<void> {
    return this.replace({ ...this.current, ...change });
  }

  /** The whole status: what is not named goes. Rejects as `write` does. */
  async replace(whole: StatusChange): Promise<void> {
    const status = JSON.parse(JSON.stringify(whole)) as ReplicatedStoreStatus;
    if (isDeepStrictEqual(status, this.current)) return;
    const next = { ...this.#resource, status };
    this.#resource = (await this.#client.replaceStatus(
      next as unknown as CustomObject,
    )) as unknown as ReplicatedStore;
  }
}

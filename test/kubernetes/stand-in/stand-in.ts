import { setTimeout as timer } from "node:timers/promises";
import type { V1Node, V1Pod } from "@rstore/operator/kube/objects";
import { scratchDirectory } from "../../cluster/reaper.ts";
import type { AdminApi } from "../admin-api.ts";
import { keepBudgets } from "./budgets.ts";
import { collectGarbage, emptyNamespaces } from "./garbage.ts";
import { Kubelet } from "./kubelet.ts";
import { readObjects } from "./objects.ts";
import type { ReplicaPod } from "./replica-pod.ts";
import { keepStatefulSets } from "./stateful-sets.ts";
import { localClass, releaseVolumes, schedulePods, topologyLabel } from "./volumes.ts";

const roundMs = 150;

/**
 * Stands in for what an API server alone does not have: the controllers of StatefulSets, claims, budgets and
 * namespaces, a scheduler, a garbage collector, and kubelets whose pods are real replicas on the loopback.
 */
export class StandIn {
  readonly #api: AdminApi;
  readonly #kubelet: Kubelet;
  readonly #folder: string;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;
  #failure: Error | undefined;

  /** @param program the replica, as one file of JavaScript */
  constructor(api: AdminApi, program: string) {
    this.#api = api;
    this.#folder = scratchDirectory("stand-in");
    this.#kubelet = new Kubelet(api, this.#folder, program);
  }

  async start(nodes: readonly string[]): Promise<void> {
    for (const name of ["standard", localClass]) await this.addStorageClass(name);
    for (const name of nodes) await this.addNode(name);
    this.#running = this.#keep();
  }

  async addStorageClass(name: string): Promise<void> {
    const volumeBindingMode = "WaitForFirstConsumer";
    const storageClass = { metadata: { name }, provisioner: "rstore.dev/test", volumeBindingMode };
    await this.#api.create("storageclasses", storageClass);
  }

  async addNode(name: string, labels: Readonly<Record<string, string>> = {}): Promise<void> {
    const metadata = { name, labels: { [topologyLabel]: name, ...labels } };
    await this.#api.create<V1Node>("nodes", { apiVersion: "v1", kind: "Node", metadata });
    await this.setNode(name, "True");
  }

  /** Ready: True. Gone quiet, with everything on it ended: Unknown. */
  async setNode(name: string, ready: "True" | "Unknown"): Promise<void> {
    const lastTransitionTime = new Date().toISOString();
    const condition = { type: "Ready", status: ready, lastTransitionTime, reason: "Test", message: "" };
    await this.#api.patch("nodes", { name, subresource: "status" }, { status: { conditions: [condition] } });
    // The admission of nodes gives each new one this taint.
    await this.#api.patch("nodes", { name }, { spec: { taints: null } });
  }

  replicaOf(pod: V1Pod): ReplicaPod | undefined {
    return this.#kubelet.replicaOf(pod);
  }

  /** Where the logs of the replicas are. */
  get folder(): string {
    return this.#folder;
  }

  /** Rejects when its last round failed. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    await this.#kubelet.stop();
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #keep(): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.#round();
        this.#failure = undefined;
      } catch (error) {
        // A server that has just begun to serve a resource asks for patience.
        this.#failure = error as Error;
      }
      await timer(roundMs);
    }
  }

  async #round(): Promise<void> {
    const objects = await readObjects(this.#api);
    await keepStatefulSets(this.#api, objects);
    await schedulePods(this.#api, objects);
    await this.#kubelet.keep(objects);
    for (const volume of await releaseVolumes(this.#api, objects)) this.#kubelet.deleteVolume(volume);
    await keepBudgets(this.#api, objects);
    await collectGarbage(this.#api);
    await emptyNamespaces(this.#api);
  }
}

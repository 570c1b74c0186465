import type { ReplicatedStore, ReplicatedStoreSpec } from "@rstore/operator/api/v1alpha1/types";
import type { V1PersistentVolumeClaim, V1Pod } from "@rstore/operator/kube/objects";
import { eventually } from "../../cluster/eventually.ts";
import type { KubeCluster } from "./kube-cluster.ts";
import { Writer } from "./writer.ts";

const apiVersion = "rstore.dev/v1alpha1";
const kind = "ReplicatedStore";
/** Of a loaded machine of two cores. */
export const settleMs = 300_000;

/** What a replica of the tests asks for. */
export const shareOfReplica = { cpu: "100m", memory: "64Mi" };

/** A store of the tests, in a namespace of its own, with deadlines of seconds. */
export class TestStore {
  readonly name = "demo";
  readonly namespace: string;
  readonly cluster: KubeCluster;
  readonly storageClass: string;
  #writer: Writer | undefined;

  constructor(cluster: KubeCluster, namespace: string, storageClass = cluster.environment.sharedClass) {
    this.cluster = cluster;
    this.namespace = namespace;
    this.storageClass = storageClass;
  }

  get selector(): string {
    return `app.kubernetes.io/name=rstore,app.kubernetes.io/instance=${this.name}`;
  }

  get writer(): Writer {
    if (this.#writer === undefined) throw new Error("nobody writes yet");
    return this.#writer;
  }

  async create(spec: ReplicatedStoreSpec = {}): Promise<void> {
    await this.cluster.createNamespace(this.namespace);
    await this.apply(spec);
  }

  async apply(spec: ReplicatedStoreSpec): Promise<void> {
    const { storage, ...rest } = spec;
    const seconds = 15;
    const tolerations = ["not-ready", "unreachable"].map((taint) => ({
      key: `node.kubernetes.io/${taint}`,
      operator: "Exists",
      effect: "NoExecute",
      tolerationSeconds: seconds,
    }));
    await this.cluster.kubectl.apply({
      apiVersion,
      kind,
      metadata: { name: this.name, namespace: this.namespace },
      spec: {
        replicas: 3,
        storage: { size: "1Gi", storageClassName: this.storageClass, ...storage },
        replacement: { afterSeconds: seconds },
        catchUpDeadlineSeconds: 120,
        scheduling: { tolerations },
        // Without a share of its own a pod starves on a machine of two cores.
        resources: { requests: shareOfReplica },
        ...rest,
      },
    });
  }

  async startWriter(node: string): Promise<Writer> {
    const endpoint = `http://${this.name}.${this.namespace}.svc:4001`;
    this.#writer = await Writer.start(this.cluster, { namespace: this.namespace, endpoint, node });
    return this.#writer;
  }

  async patch(spec: object): Promise<void> {
    const { kubectl } = this.cluster;
    const patch = JSON.stringify({ spec });
    await kubectl.run("patch", "rstore", this.name, "-n", this.namespace, "--type=merge", "-p", patch);
  }

  async scale(replicas: number): Promise<void> {
    const { kubectl } = this.cluster;
    await kubectl.run("scale", "rstore", this.name, "-n", this.namespace, `--replicas=${replicas}`);
  }

  async read(): Promise<ReplicatedStore> {
    const ref = { apiVersion, kind, namespace: this.namespace, name: this.name };
    const found = await this.cluster.client.read(ref);
    if (found === undefined) throw new Error(`${this.namespace}/${this.name} is gone`);
    return found as unknown as ReplicatedStore;
  }

  /** By slot, ascending. */
  async pods(): Promise<readonly V1Pod[]> {
    const pods = await this.cluster.pods(this.namespace, this.selector);
    return [...pods].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  }

  async pod(slot: number): Promise<V1Pod | undefined> {
    const name = `${this.name}-${slot}`;
    return this.cluster.client.read<V1Pod>({
      apiVersion: "v1",
      kind: "Pod",
      namespace: this.namespace,
      name,
    });
  }

  async claims(): Promise<readonly V1PersistentVolumeClaim[]> {
    const { items } = await this.cluster.client.list<V1PersistentVolumeClaim>(
      { apiVersion: "v1", kind: "PersistentVolumeClaim" },
      { namespace: this.namespace, labelSelector: this.selector },
    );
    return [...items].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  }

  /** As `kubectl delete`: waits for nothing. */
  async delete(kindName: "pod" | "pvc", name: string): Promise<void> {
    await this.cluster.kubectl.run("delete", kindName, name, "-n", this.namespace, "--wait=false");
  }

  /** Another pod than this one is in the slot, and serves. */
  async awaitReplaced(slot: number, uid: string | undefined): Promise<void> {
    await this.eventually(`another pod serves in slot ${slot}`, async () => {
      const pod = await this.pod(slot);
      const ready = pod?.status?.conditions?.find(({ type }) => type === "Ready");
      return pod?.metadata?.uid !== uid && ready?.status === "True";
    });
  }

  /** Fails with what status says at the deadline. */
  async eventually<T>(
    what: string,
    probe: () => Promise<T | undefined | false>,
    timeoutMs = settleMs,
  ): Promise<T> {
    try {
      return await eventually(`${this.namespace}: ${what}`, probe, { timeoutMs, intervalMs: 400 });
    } catch (error) {
      const { status } = await this.read();
      throw new Error(`${(error as Error).message}\n${JSON.stringify(status, undefined, 1)}`, {
        cause: error,
      });
    }
  }
}

export function nameOf({ metadata }: { metadata?: { name?: string } }): string {
  return metadata?.name ?? "";
}

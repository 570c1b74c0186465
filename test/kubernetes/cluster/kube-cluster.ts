import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { kind, plural } from "@rstore/operator/api/v1alpha1/custom-resource-definition";
import { createKubeClient, type KubeClient } from "@rstore/operator/kube/kube-client";
import { kubeConfigFromEnvironment } from "@rstore/operator/kube/kube-config";
import type { KubernetesObject, V1Lease, V1Node, V1Pod } from "@rstore/operator/kube/objects";
import { Kubectl } from "../kubectl.ts";
import { clusterEnvironment, type Environment } from "./environment.ts";

const exec = promisify(execFile);

/** Where the operator is installed, and as what. */
export const releaseName = "rstore";
export const operatorNamespace = "rstore-system";

const testLabel = "rstore.dev/test";

/** The cluster under test: what a person would do to it, and reads that see what is committed. */
export class KubeCluster {
  readonly environment: Environment = clusterEnvironment();
  readonly kubectl = new Kubectl({ kubectl: "kubectl", kubeconfig: this.environment.kubeconfig });
  readonly client: KubeClient = createKubeClient(kubeConfigFromEnvironment(), {
    fieldManager: "rstore-test",
    plurals: { [kind]: plural },
  });

  async helm(...args: readonly string[]): Promise<string> {
    const { stdout } = await exec("helm", [...args], { maxBuffer: 16 * 1024 * 1024 });
    return stdout;
  }

  async nodes(): Promise<readonly string[]> {
    const { items } = await this.client.list<V1Node>({ apiVersion: "v1", kind: "Node" }, {});
    return items.map(({ metadata }) => metadata?.name ?? "").sort();
  }

  async createNamespace(name: string): Promise<void> {
    await this.client.apply<KubernetesObject>({
      apiVersion: "v1",
      kind: "Namespace",
      // Everything that a store consists of must pass the strictest level of pod security.
      metadata: { name, labels: { "pod-security.kubernetes.io/enforce": "restricted", [testLabel]: "true" } },
    });
  }

  async deleteNamespace(name: string): Promise<void> {
    await this.kubectl.run("delete", "namespace", name, "--wait=false", "--ignore-not-found");
  }

  /** What an earlier run left, or this one. */
  async deleteTestNamespaces(): Promise<void> {
    await this.kubectl.run("delete", "namespace", "-l", testLabel, "--timeout=300s");
  }

  async pods(namespace: string, labelSelector: string): Promise<readonly V1Pod[]> {
    const { items } = await this.client.list<V1Pod>(
      { apiVersion: "v1", kind: "Pod" },
      { namespace, labelSelector },
    );
    return items;
  }

  /** The one that acts: another takes over, and Kubernetes makes a new one. */
  async deleteOperator(): Promise<void> {
    const lease = { apiVersion: "coordination.k8s.io/v1", kind: "Lease" };
    const found = await this.client.read<V1Lease>({
      ...lease,
      namespace: operatorNamespace,
      name: releaseName,
    });
    const pod = found?.spec?.holderIdentity?.split("_")[0];
    const which = pod === undefined || pod === "" ? ["-l", "app.kubernetes.io/name=rstore-operator"] : [pod];
    await this.kubectl.run(
      ...["delete", "pod", "-n", operatorNamespace, "--wait=false", "--ignore-not-found"],
      ...which,
    );
  }

  /** @param command such as `cut`; undefined result: there is no way to do it here */
  async nodeFault(command: string, node: string): Promise<void> {
    const { nodeFaults } = this.environment;
    if (nodeFaults === undefined) throw new Error("RSTORE_NODE_FAULTS is not set");
    const number = /(\d+)$/.exec(node)?.[1];
    if (number === undefined) throw new Error(`the name of node ${node} has no number`);
    await exec(nodeFaults, [command, number], { timeout: 60_000 });
  }
}

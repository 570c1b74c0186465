import { eventually } from "../../cluster/eventually.ts";
import { bundleWriter } from "./bundle-writer.ts";
import { imageText } from "./environment.ts";
import type { KubeCluster } from "./kube-cluster.ts";
import type { Truth, Verdict } from "./writer/witness.ts";
import type { Pulse } from "./writer/workload.ts";

const port = 8000;
let bundle: Promise<string> | undefined;

export interface WriterTarget {
  readonly namespace: string;
  /** The store's client Service. */
  readonly endpoint: string;
  /** A node that is under no fault. */
  readonly node: string;
}

/** A pod that writes to a store all the time, and is the witness of what the store acknowledged. */
export class Writer {
  readonly #cluster: KubeCluster;
  readonly #namespace: string;

  private constructor(cluster: KubeCluster, namespace: string) {
    this.#cluster = cluster;
    this.#namespace = namespace;
  }

  /** Resolves when the first writes were acknowledged. */
  static async start(cluster: KubeCluster, target: WriterTarget): Promise<Writer> {
    bundle ??= bundleWriter();
    const { namespace } = target;
    await cluster.client.apply({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "writer", namespace },
      data: { "main.mjs": await bundle },
    } as never);
    await cluster.client.apply(writerPod(cluster, target) as never);
    const writer = new Writer(cluster, namespace);
    await eventually(
      `the writer in ${namespace} writes`,
      async () => (await writer.pulse()).writesAcknowledged > 10,
      {
        timeoutMs: 180_000,
        intervalMs: 500,
      },
    );
    return writer;
  }

  pulse(sinceMs = 0): Promise<Pulse> {
    return this.#ask(`pulse?since=${sinceMs}`);
  }

  truth(): Promise<Truth> {
    return this.#ask("truth");
  }

  verify(): Promise<Verdict> {
    return this.#ask("verify");
  }

  /** Through the API server: works from wherever that is reached. */
  async #ask<T>(path: string): Promise<T> {
    const url = `/api/v1/namespaces/${this.#namespace}/pods/http:writer:${port}/proxy/${path}`;
    return JSON.parse(await this.#cluster.kubectl.run("get", "--raw", url)) as T;
  }
}

function writerPod({ environment }: KubeCluster, { namespace, endpoint, node }: WriterTarget): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "writer", namespace, labels: { app: "writer" } },
    spec: {
      restartPolicy: "Never",
      terminationGracePeriodSeconds: 0,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      nodeSelector: { "kubernetes.io/hostname": node },
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 65_532,
        seccompProfile: { type: "RuntimeDefault" },
      },
      containers: [
        {
          name: "writer",
          image: imageText(environment.replicaImage),
          imagePullPolicy: "IfNotPresent",
          command: ["node", "/writer/main.mjs", endpoint, "3", String(port)],
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ["ALL"] },
          },
          resources: { requests: { cpu: "100m" } },
          volumeMounts: [{ name: "program", mountPath: "/writer" }],
        },
      ],
      volumes: [{ name: "program", configMap: { name: "writer" } }],
    },
  };
}

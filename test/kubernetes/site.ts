import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type {
  ConditionType,
  ReplicatedStore,
  ReplicatedStoreSpec,
  ReplicatedStoreStatus,
} from "@rstore/operator/api/v1alpha1/types";
import type { V1PersistentVolumeClaim, V1Pod } from "@rstore/operator/kube/objects";
import { eventually } from "../cluster/eventually.ts";
import { ApiProxy, type Interference } from "./api-proxy.ts";
import { type Release, renderChart } from "./chart.ts";
import { OperatorProcess } from "./operator-process.ts";
import type { World } from "./world.ts";

/** Of a loaded machine of two cores. */
export const settleMs = 120_000;

interface RenderedDeployment {
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: readonly { args: string[] }[] } };
  };
}

export interface SiteOptions {
  /** Of the chart, over those of a site; watchNamespaces is the site's own namespace. */
  readonly values?: object;
  readonly interference?: Interference;
  /** false: one operator at a time by the test's own doing, so that a killed one is followed at once. */
  readonly leaderElection?: boolean;
}

/**
 * A namespace with the chart installed in it, as far as an API server alone can have it: the operator runs as a
 * process with the flags, and the ServiceAccount with the rights, that the chart gives it.
 */
export class Site {
  readonly world: World;
  readonly namespace: string;
  readonly store = "demo";
  readonly proxy: ApiProxy;
  readonly release: Release;
  readonly #flags: readonly string[];
  readonly #kubeconfig: string;
  readonly #operators: OperatorProcess[] = [];

  private constructor(
    world: World,
    proxy: ApiProxy,
    release: Release,
    flags: readonly string[],
    token: string,
  ) {
    this.world = world;
    this.proxy = proxy;
    this.release = release;
    this.namespace = release.namespace;
    this.#flags = flags;
    this.#kubeconfig = join(world.logs, `${release.namespace}.kubeconfig`);
    writeFileSync(this.#kubeconfig, kubeconfigOf(proxy.url, token));
  }

  static async create(world: World, namespace: string, options: SiteOptions = {}): Promise<Site> {
    const { values = {}, interference = {}, leaderElection = false } = options;
    const release: Release = {
      name: `rstore-${namespace}`,
      namespace,
      values: {
        watchNamespaces: [namespace],
        leaderElection: { enabled: leaderElection, leaseSeconds: 6 },
        logLevel: "debug",
        ...values,
      },
    };
    const { kubectl } = world;
    await kubectl.run("create", "namespace", namespace);
    await kubectl.applyText(await renderChart(release, "service-account.yaml", "rbac.yaml"));
    const deployment = await renderChart(release, "deployment.yaml");
    const { spec } = await kubectl.parse<RenderedDeployment>(deployment);
    const flags = spec.template.spec.containers[0]!.args;
    const token = await kubectl.run("create", "token", release.name, "-n", namespace, "--duration=2h");
    const proxy = await ApiProxy.start(world.server);
    proxy.interference = interference;
    return new Site(world, proxy, release, flags, token.trim());
  }

  /** Another one beside those that run. */
  async startOperator(name = "operator"): Promise<OperatorProcess> {
    const operator = await OperatorProcess.start({
      program: this.world.programs.operator,
      kubeconfig: this.#kubeconfig,
      flags: this.#flags,
      podNamespace: this.namespace,
      podName: name,
      cacheFolder: join(this.world.logs, "compiled"),
      logFile: this.world.logFile(`${this.namespace}-${name}`),
    });
    this.#operators.push(operator);
    return operator;
  }

  async apply(spec: ReplicatedStoreSpec): Promise<void> {
    await this.world.kubectl.apply({
      apiVersion: "rstore.dev/v1alpha1",
      kind: "ReplicatedStore",
      metadata: { name: this.store, namespace: this.namespace },
      spec: { storage: { size: "1Gi", storageClassName: "standard" }, ...spec },
    });
  }

  async scale(replicas: number): Promise<void> {
    const count = `--replicas=${replicas}`;
    await this.world.kubectl.run("scale", `rstore/${this.store}`, "-n", this.namespace, count);
  }

  async read(): Promise<ReplicatedStore> {
    const place = { namespace: this.namespace, name: this.store };
    const found = await this.world.admin.read("replicatedstores", place);
    if (found === undefined) throw new Error(`${this.namespace}/${this.store} is gone`);
    return found as unknown as ReplicatedStore;
  }

  /** Until the store is whole at its size, with nothing under way. */
  settled(replicas: number, timeoutMs = settleMs): Promise<ReplicatedStoreStatus> {
    const what = `${this.namespace} to settle at ${replicas}`;
    return eventually(what, async () => statusOfSettled(await this.read(), replicas), {
      timeoutMs,
      intervalMs: 100,
    });
  }

  /** By slot. */
  async pods(): Promise<readonly V1Pod[]> {
    const pods = await this.world.admin.list<V1Pod>("pods", this.namespace);
    return [...pods].sort((a, b) => (a.metadata!.name! < b.metadata!.name! ? -1 : 1));
  }

  async claims(): Promise<readonly V1PersistentVolumeClaim[]> {
    const claims = await this.world.admin.list<V1PersistentVolumeClaim>(
      "persistentvolumeclaims",
      this.namespace,
    );
    return [...claims].sort((a, b) => (a.metadata!.name! < b.metadata!.name! ? -1 : 1));
  }

  /** Ends what runs here; what is stored stays. */
  async close(): Promise<void> {
    await Promise.all(this.#operators.map((operator) => operator.kill()));
    await this.proxy.stop();
  }
}

/** Throws with what it is not yet. */
function statusOfSettled({ metadata, status }: ReplicatedStore, replicas: number): ReplicatedStoreStatus {
  if (status === undefined) throw new Error("there is no status");
  const conditions: Record<ConditionType, string> = {
    Available: "True",
    Progressing: "False",
    Degraded: "False",
  };
  for (const [type, wanted] of Object.entries(conditions)) {
    const condition = status.conditions?.find((candidate) => candidate.type === type);
    if (condition?.status !== wanted)
      throw new Error(`${type} is ${condition?.status}: ${condition?.reason}, ${condition?.message}`);
  }
  if (status.observedGeneration !== metadata.generation) throw new Error("status is of an older spec");
  if (status.change !== undefined) throw new Error(`under way: ${status.change.reason}`);
  const voters = status.members?.filter(({ role }) => role === "Leader" || role === "Follower") ?? [];
  if (voters.length !== replicas || status.members?.length !== replicas)
    throw new Error(`${voters.length} of ${status.members?.length} members vote`);
  if (status.ready !== `${replicas}/${replicas}`) throw new Error(`ready is ${status.ready}`);
  return status;
}

function kubeconfigOf(server: string, token: string): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "test", cluster: { server, "insecure-skip-tls-verify": true } }],
    users: [{ name: "operator", user: { token } }],
    contexts: [{ name: "test", context: { cluster: "test", user: "operator" } }],
    "current-context": "test",
  });
}

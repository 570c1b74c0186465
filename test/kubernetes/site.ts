import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type {
  ConditionType,
  ReplicatedStore,
  ReplicatedStoreSpec,
  ReplicatedStoreStatus,
} from "@rstore/operator/api/v1alpha1/types";
import type { V1PersistentVolumeClaim, V1Pod } from "@rstore/operator/kube/objects";
import { expect } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import { clusterAt, membershipAt } from "../cluster/services.ts";
import { ApiProxy } from "./api-proxy.ts";
import { Audit } from "./audit.ts";
import { type Release, renderChart } from "./chart.ts";
import { OperatorInProcess } from "./operator-in-process.ts";
import { OperatorProcess } from "./operator-process.ts";
import type { World } from "./world.ts";

/** Of a loaded machine of two cores. */
export const settleMs = 240_000;

interface RenderedDeployment {
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: readonly { args: string[] }[] } };
  };
}

/** Between one operator and the API server. */
export interface Way {
  readonly proxy: ApiProxy;
  readonly audit: Audit;
  readonly kubeconfig: string;
}

interface SiteParts {
  readonly flags: readonly string[];
  readonly token: string;
}

export interface SiteOptions {
  /** Of the chart, over those of a site; watchNamespaces is the site's own namespace. */
  readonly values?: object;
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
  readonly release: Release;
  readonly #flags: readonly string[];
  readonly #token: string;
  readonly #ways: Way[] = [];
  readonly #acknowledged: string[] = [];
  /** Of what runs here. */
  readonly #ends: (() => Promise<void>)[] = [];

  private constructor(world: World, release: Release, parts: SiteParts) {
    this.world = world;
    this.release = release;
    this.namespace = release.namespace;
    this.#flags = parts.flags;
    this.#token = parts.token;
  }

  /** Of the operators that were given no way of their own. */
  get audit(): Audit {
    return this.#ways[0]!.audit;
  }

  /** Whatever happens, nothing of it is left; and no operator did what none may do. */
  static async use(
    world: World,
    namespace: string,
    options: SiteOptions,
    test: (site: Site) => Promise<void>,
  ) {
    const site = await Site.#create(world, namespace, options);
    const outcome = await Promise.allSettled([test(site)]);
    const closed = await Promise.allSettled([site.#close()]);
    for (const result of [...outcome, ...closed]) if (result.status === "rejected") throw result.reason;
    expect(site.#ways.flatMap(({ audit }) => audit.faults)).toEqual([]);
  }

  static async #create(world: World, namespace: string, options: SiteOptions): Promise<Site> {
    const { values = {}, leaderElection = false } = options;
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
    await kubectl.apply(restrictedNamespace(namespace));
    await kubectl.applyText(await renderChart(release, "service-account.yaml", "rbac.yaml"));
    const deployment = await renderChart(release, "deployment.yaml");
    const { spec } = await kubectl.parse<RenderedDeployment>(deployment);
    const flags = spec.template.spec.containers[0]!.args;
    const token = await kubectl.run("create", "token", release.name, "-n", namespace, "--duration=2h");
    const site = new Site(world, release, { flags, token: token.trim() });
    await site.addWay();
    return site;
  }

  /** Another way to the API server, looked at by itself. */
  async addWay(): Promise<Way> {
    const proxy = await ApiProxy.start(this.world.server);
    const way = {
      proxy,
      audit: new Audit(proxy, this.world.rights),
      kubeconfig: this.#writeKubeconfig(proxy),
    };
    this.#ways.push(way);
    return way;
  }

  #writeKubeconfig(proxy: ApiProxy): string {
    const file = join(this.world.logs, `${this.namespace}-${this.#ways.length}.kubeconfig`);
    writeFileSync(file, kubeconfigOf(proxy.url, this.#token));
    return file;
  }

  /** In the process of the tests, by a way of its own. */
  async runOperator(way: Way): Promise<OperatorInProcess> {
    const { namespace } = this;
    const operator = new OperatorInProcess({
      namespace,
      kubeconfig: way.kubeconfig,
      proxy: way.proxy,
      logFile: this.world.logFile(`${namespace}-in-process`),
    });
    this.#ends.push(() => operator.cut());
    await operator.start();
    return operator;
  }

  /** Another one beside those that run. */
  async startOperator(name = "operator", way = this.#ways[0]!): Promise<OperatorProcess> {
    const operator = await OperatorProcess.start({
      program: this.world.programs.operator,
      kubeconfig: way.kubeconfig,
      flags: this.#flags,
      podNamespace: this.namespace,
      podName: name,
      cacheFolder: join(this.world.logs, "compiled"),
      logFile: this.world.logFile(`${this.namespace}-${name}`),
    });
    this.#ends.push(() => operator.kill());
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

  /** Until so many vote, and nobody else is a member; replicas may be down. */
  async membersAre(replicas: number): Promise<void> {
    await eventually(
      `${this.namespace} to have ${replicas} voters`,
      async () => {
        const { members = [] } = (await this.read()).status ?? {};
        const voters = members.filter(({ role }) => role === "Leader" || role === "Follower");
        return voters.length === replicas && members.length === replicas;
      },
      { timeoutMs: settleMs, intervalMs: 100 },
    );
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

  /** Through any replica; what was acknowledged is asked for at the end. */
  async write(key: string): Promise<void> {
    await eventually(`a write of ${key}`, () => this.#put(key), { timeoutMs: settleMs, intervalMs: 200 });
    this.#acknowledged.push(key);
  }

  async #put(key: string): Promise<boolean> {
    for (const url of await this.#clientUrls()) {
      const body = JSON.stringify(key);
      const headers = { "content-type": "application/json" };
      const signal = AbortSignal.timeout(3000);
      const answer = await fetch(`${url}/key/${key}`, { method: "PUT", body, headers, signal }).catch(
        () => undefined,
      );
      if (answer?.ok === true) return true;
    }
    return false;
  }

  async #clientUrls(): Promise<readonly string[]> {
    const pods = await this.pods();
    return pods.flatMap(({ status }) => (status?.podIP === undefined ? [] : [`http://${status.podIP}:4001`]));
  }

  /** Whole at its size, one cluster, what status says is what the leader says, and nothing acknowledged is lost. */
  async expectWhole(replicas: number): Promise<ReplicatedStoreStatus> {
    const status = await this.settled(replicas);
    const pods = await this.pods();
    expect(pods.map(({ metadata }) => metadata?.name)).toEqual(
      Array.from({ length: replicas }, (_, slot) => `${this.store}-${slot}`),
    );
    const identities = await Promise.all(
      pods.map((pod) => membershipAt(`http://${pod.status?.podIP}:4101`).getIdentity({})),
    );
    const hex = (id: bigint) => id.toString(16).padStart(16, "0");
    expect(new Set(identities.map(({ clusterId }) => hex(clusterId)))).toEqual(new Set([status.clusterId]));
    expect(status.members?.map(({ id }) => id).sort()).toEqual(
      identities.map(({ memberId }) => hex(memberId)).sort(),
    );
    const [url] = await this.#clientUrls();
    const { members, joint } = await clusterAt(url!).listMembers({});
    expect(joint).toBe(false);
    expect(members.map(({ id }) => hex(id)).sort()).toEqual(status.members?.map(({ id }) => id).sort());
    for (const key of this.#acknowledged) expect((await fetch(`${url}/key/${key}`)).status, key).toBe(200);
    return status;
  }

  /** Ends what runs here and deletes everything. */
  async #close(): Promise<void> {
    await Promise.all(this.#ends.map((end) => end()));
    const { kubectl } = this.world;
    const patch = ["--type=merge", "-p", '{"metadata":{"finalizers":null}}'];
    await kubectl.run("patch", "rstore", this.store, "-n", this.namespace, ...patch).catch(() => {});
    await kubectl.run("delete", "namespace", this.namespace, "--timeout=60s", "--ignore-not-found");
    await Promise.all(this.#ways.map(({ proxy }) => proxy.stop()));
  }
}

/** Its pods must pass the restricted pod security level: others are not let in. */
export function restrictedNamespace(name: string): object {
  const labels = {
    "pod-security.kubernetes.io/enforce": "restricted",
    "pod-security.kubernetes.io/warn": "restricted",
  };
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
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
  if (status.scaleOut !== undefined || status.replicas !== replicas) throw new Error("pods are being ended");
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

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { chartFolder, helm, renderChart } from "../chart.ts";
import { restrictedNamespace } from "../site.ts";
import type { World } from "../world.ts";

type Json = boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Another value than the default one for each that there is. */
const changed: { readonly [key: string]: Json } = {
  watchNamespaces: ["chart-one", "chart-two"],
  image: { repository: "registry.example/team/rstore-operator", tag: "1.2.3", pullPolicy: "Always" },
  replicaImage: { repository: "registry.example/team/rstore-replica", tag: "1.2.4" },
  imagePullSecrets: [{ name: "registry" }],
  crds: { install: false },
  rbac: { create: false, readNodes: false },
  serviceAccount: { create: false, name: "operator", annotations: { "example.com/role": "r" } },
  replicas: 2,
  leaderElection: { enabled: false, leaseSeconds: 30 },
  logLevel: "warn",
  resources: { requests: { cpu: "100m", memory: "256Mi" }, limits: { memory: "1Gi" } },
  nodeSelector: { "kubernetes.io/os": "linux" },
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [
          { matchExpressions: [{ key: "kubernetes.io/arch", operator: "In", values: ["amd64"] }] },
        ],
      },
    },
  },
  topologySpreadConstraints: [
    { maxSkew: 2, topologyKey: "topology.kubernetes.io/zone", whenUnsatisfiable: "DoNotSchedule" },
  ],
  tolerations: [{ key: "dedicated", operator: "Equal", value: "store", effect: "NoSchedule" }],
  podAnnotations: { "example.com/note": "x" },
  podLabels: { "example.com/team": "blue" },
  monitoring: {
    enabled: true,
    labels: { release: "prometheus" },
    podMonitors: { enabled: false, interval: "30s", scrapeTimeout: "5s" },
    rules: {
      enabled: false,
      runbookUrl: "https://runbooks.example/rstore",
      labels: { team: "blue" },
      disabled: ["RstoreNoLeader"],
    },
    dashboards: {
      enabled: false,
      label: "dashboards",
      labelValue: "yes",
      annotations: { grafana_folder: "rstore" },
      namespace: "grafana",
    },
  },
};

/** What a value needs beside it to be seen. */
const companions: Readonly<Record<string, object>> = {
  "serviceAccount.create": { serviceAccount: { create: false, name: "operator" } },
};

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
}

/** `a.b` for each leaf. */
function leaves({ properties }: Schema, path: readonly string[] = []): readonly string[] {
  if (properties === undefined) return [path.join(".")];
  return Object.entries(properties).flatMap(([key, schema]) => leaves(schema, [...path, key]));
}

function at(path: string): Json | undefined {
  return path
    .split(".")
    .reduce<Json | undefined>((value, key) => (value as Record<string, Json>)?.[key], changed);
}

function nested(path: string, value: Json | undefined): object {
  return path.split(".").reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as object;
}

const release = { name: "rstore", namespace: "chart" };

export async function lintsClean(): Promise<void> {
  const report = await helm("lint", chartFolder, "--strict");
  expect(report).not.toMatch(/\[(WARNING|ERROR)\]/);
}

/** Every value of the schema changes what is rendered, one at a time. */
export async function everyValueCounts(): Promise<void> {
  const schema = JSON.parse(readFileSync(join(chartFolder, "values.schema.json"), "utf8")) as Schema;
  const off = await renderChart({ ...release, values: {} });
  const monitored = await renderChart({ ...release, values: { monitoring: { enabled: true } } });
  for (const path of leaves(schema).filter((name) => name !== "global")) {
    const value = at(path);
    expect(value, `${path} has no other value in this test`).toBeDefined();
    const [root, ...rest] = path.split(".");
    const ofMonitoring = root === "monitoring" && path !== "monitoring.enabled";
    const values = ofMonitoring
      ? { monitoring: { enabled: true, ...nested(rest.join("."), value) } }
      : (companions[path] ?? nested(path, value));
    expect(await renderChart({ ...release, values }), path).not.toBe(ofMonitoring ? monitored : off);
  }
}

/** The API server takes what is rendered without a word, in namespaces that say when a pod is not restricted. */
export async function isAccepted(world: World): Promise<void> {
  const { kubectl } = world;
  for (const namespace of [release.namespace, "chart-one", "chart-two"])
    await kubectl.apply(restrictedNamespace(namespace));
  const all = { ...changed, leaderElection: { enabled: true, leaseSeconds: 30 } };
  const made = { ...all, crds: { install: true }, rbac: { create: true, readNodes: true } };
  const account = {
    serviceAccount: { create: true, name: "operator", annotations: { "example.com/role": "r" } },
  };
  // The API server does not know the resources of the Prometheus operator.
  const monitoring = { enabled: true, podMonitors: { enabled: false }, rules: { enabled: false } };
  for (const values of [{ monitoring }, all, { ...made, ...account }]) {
    const text = await renderChart({ ...release, values });
    const flags = ["--dry-run=server", "--validate=strict", "--warnings-as-errors"];
    const report = await kubectl.applyText(text, ...flags);
    expect(report).toMatch(/deployment.apps\/rstore serverside-applied/);
  }
}

export async function refusesValues(values: object, message: RegExp): Promise<void> {
  await expect(renderChart({ ...release, values })).rejects.toThrow(message);
}

export const wrongValues: readonly (readonly [what: string, values: object, message: RegExp])[] = [
  ["a value that does not exist", { replica: 2 }, /additional properties 'replica' not allowed/],
  ["a namespace that is none", { watchNamespaces: ["A_b"] }, /watchNamespaces\/0.*does not match/],
  [
    "one namespace that is no list",
    { watchNamespaces: "default" },
    /watchNamespaces.*got string, want array/,
  ],
  ["a number of operators below 0", { replicas: -1 }, /replicas.*minimum/],
  [
    "a label of pods that the chart sets",
    { podLabels: { "app.kubernetes.io/name": "mine" } },
    /podLabels\/app.kubernetes.io~1name.*false schema/,
  ],
  ["a log level that is none", { logLevel: "loud" }, /logLevel.*one of 'debug', 'info', 'warn', 'error'/],
  ["an image without a name", { image: { repository: "" } }, /image\/repository.*minLength/s],
  ["a pull policy that is none", { image: { pullPolicy: "Sometimes" } }, /pullPolicy.*one of/],
  [
    "a quantity that is none",
    { resources: { limits: { memory: "lots" } } },
    /limits\/memory.*does not match/,
  ],
  ["a lease too short to be kept", { leaderElection: { leaseSeconds: 1 } }, /leaseSeconds.*minimum/],
  ["two operators that both act", { replicas: 2, leaderElection: { enabled: false } }, /replicas.*maximum/],
  ["no account to run as", { serviceAccount: { create: false } }, /serviceAccount.name is needed/],
];

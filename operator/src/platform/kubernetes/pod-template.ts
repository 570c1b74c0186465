import { createHash } from "node:crypto";
import { bytesOf } from "../../api/v1alpha1/quantity.ts";
import type { V1Container, V1EnvVar, V1PodTemplateSpec } from "../../kube/objects.ts";
import {
  memberUrls,
  names,
  objectLabels,
  ports,
  selectorLabels,
  templateHashLabel,
  volumeName,
} from "./names.ts";
import type { Store } from "./store.ts";

/** Where the volume is mounted. */
const dataFolder = "/var/lib/rstore";
const user = 65_532;

/** Room for the recovery of a large store, or for fetching a snapshot: one hour. */
const startupPeriodSeconds = 5;
const startupFailures = 720;
/** A replica that stops hands over and writes everything to its disk; after this it is killed. */
const terminationGraceSeconds = 60;

/**
 * The template of the pods, with its hash. The hash is over what the spec says alone (and the image that was
 * resolved for it), never over what this version of the operator adds by itself without being asked: an upgraded
 * operator must find the same hash (E15). What is changed here for all stores is taken on by pods as they are made
 * anew; where that can't wait, `templateVersion` is raised, which restarts the pods of every store.
 */
export function buildPodTemplate(store: Store, image: string): { template: V1PodTemplateSpec; hash: string } {
  const template = unmarkedTemplate(store, image);
  const hash = hashOf(askedOfPods(store, image));
  const labels = { ...template.metadata?.labels, [templateHashLabel]: hash };
  return { template: { ...template, metadata: { ...template.metadata, labels } }, hash };
}

function unmarkedTemplate(store: Store, image: string): V1PodTemplateSpec {
  const { spec } = store;
  const { scheduling } = spec;
  return {
    metadata: {
      labels: { ...spec.pod?.labels, ...objectLabels(store) },
      annotations: { "kubectl.kubernetes.io/default-container": "replica", ...spec.pod?.annotations },
    },
    spec: {
      serviceAccountName: names.serviceAccount(store),
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: terminationGraceSeconds,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: user,
        runAsGroup: user,
        fsGroup: user,
        fsGroupChangePolicy: "OnRootMismatch",
        seccompProfile: { type: "RuntimeDefault" },
      },
      ...optional(
        "imagePullSecrets",
        spec.imagePullSecrets?.map(({ name }) => ({ name })),
      ),
      ...optional("affinity", scheduling.affinity as never),
      ...optional("nodeSelector", scheduling.nodeSelector),
      ...optional("tolerations", scheduling.tolerations as never),
      ...optional("priorityClassName", scheduling.priorityClassName),
      topologySpreadConstraints:
        (scheduling.topologySpreadConstraints as never) ?? spreadOverNodesAndZones(store),
      containers: [replicaContainer(store, image)],
      volumes: [{ name: "tmp", emptyDir: { medium: "Memory", sizeLimit: "16Mi" } }],
    },
  };
}

/** Whatever of the spec shows in a pod. */
function askedOfPods({ spec }: Store, image: string): object {
  const { affinity, nodeSelector, tolerations, priorityClassName, topologySpreadConstraints } =
    spec.scheduling;
  return {
    image,
    imagePullPolicy: spec.imagePullPolicy,
    imagePullSecrets: spec.imagePullSecrets,
    labels: spec.pod?.labels,
    annotations: spec.pod?.annotations,
    affinity,
    nodeSelector,
    tolerations,
    priorityClassName,
    topologySpreadConstraints,
    resources: spec.resources,
    settings: settingsOf(spec),
  };
}

function optional<K extends string, V>(key: K, value: V | undefined): { [key in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [key in K]: V });
}

function spreadOverNodesAndZones(store: Store) {
  return ["kubernetes.io/hostname", "topology.kubernetes.io/zone"].map((topologyKey) => ({
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable: "ScheduleAnyway",
    // A node that takes no pods must not count as one with room.
    nodeTaintsPolicy: "Honor",
    labelSelector: { matchLabels: selectorLabels(store) },
  }));
}

function replicaContainer(store: Store, image: string): V1Container {
  const { resources, imagePullPolicy } = store.spec;
  return {
    name: "replica",
    image,
    imagePullPolicy,
    env: environment(store),
    ports: [
      { name: "client", containerPort: ports.client },
      { name: "peer", containerPort: ports.peer },
      { name: "metrics", containerPort: ports.metrics },
    ],
    ...(resources === undefined ? {} : { resources: resources as never }),
    // It opens its ports when the disk is recovered; before that nothing must kill it.
    startupProbe: {
      ...probe("/livez"),
      periodSeconds: startupPeriodSeconds,
      failureThreshold: startupFailures,
    },
    livenessProbe: { ...probe("/livez"), periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 },
    readinessProbe: { ...probe("/readyz"), periodSeconds: 2, timeoutSeconds: 2, failureThreshold: 2 },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      capabilities: { drop: ["ALL"] },
      seccompProfile: { type: "RuntimeDefault" },
    },
    terminationMessagePolicy: "FallbackToLogsOnError",
    volumeMounts: [
      { name: volumeName, mountPath: dataFolder },
      { name: "tmp", mountPath: "/tmp" },
    ],
  };
}

function probe(path: string) {
  return { httpGet: { path, port: "metrics" } };
}

/** Settings of the replica as environment, so that a change of them is a rolling one. */
function environment(store: Store): V1EnvVar[] {
  const { peerUrl, clientUrl } = memberUrls(store, "$(RSTORE_NAME)");
  const settings: Settings = {
    RSTORE_DATA_DIR: `${dataFolder}/data`,
    RSTORE_LOG_FORMAT: "json",
    RSTORE_CLIENT_LISTEN: `0.0.0.0:${ports.client}`,
    RSTORE_PEER_LISTEN: `0.0.0.0:${ports.peer}`,
    RSTORE_METRICS_LISTEN: `0.0.0.0:${ports.metrics}`,
    RSTORE_CLIENT_ADVERTISE: clientUrl,
    RSTORE_PEER_ADVERTISE: peerUrl,
    ...settingsOf(store.spec),
  };
  const set = Object.entries(settings).filter(([, value]) => value !== undefined);
  return [
    // Others refer to it, so it comes first.
    { name: "RSTORE_NAME", valueFrom: { fieldRef: { apiVersion: "v1", fieldPath: "metadata.name" } } },
    ...set.map(([name, value]) => ({ name, value: String(value) })),
  ];
}

type Settings = Readonly<Record<string, string | number | undefined>>;

function settingsOf({ raft, limits, compaction, storage, logLevel, tracing }: Store["spec"]): Settings {
  return {
    RSTORE_HEARTBEAT_INTERVAL_MS: Math.round(raft.heartbeatIntervalSeconds * 1000),
    RSTORE_ELECTION_TIMEOUT_MS: Math.round(raft.electionTimeoutSeconds * 1000),
    RSTORE_QUOTA_BYTES:
      limits.storeQuota === undefined ? Math.floor(bytesOf(storage.size) / 2) : bytesOf(limits.storeQuota),
    RSTORE_REQUEST_MAX_BYTES: limits.requestMax === undefined ? undefined : bytesOf(limits.requestMax),
    RSTORE_CONNECTIONS_MAX: limits.connectionsMax,
    RSTORE_COMPACTION_KEEP_REVISIONS: compaction?.keepRevisions,
    RSTORE_COMPACTION_KEEP_SECONDS: compaction?.keepSeconds,
    RSTORE_LOG_LEVEL: logLevel,
    RSTORE_TRACE_ENDPOINT: tracing?.endpoint,
    RSTORE_TRACE_SAMPLE_RATIO: tracing?.sampleRatio,
  };
}

/** Raised when the pods of all stores must be made anew. */
const templateVersion = 1;

function hashOf(asked: object): string {
  const text = `${templateVersion}\n${canonical(asked)}`;
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

/** JSON with keys in order. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  const sorted = entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join(",")}}`;
}

import type {
  V1NetworkPolicy,
  V1PodDisruptionBudget,
  V1PodTemplateSpec,
  V1Service,
  V1ServiceAccount,
  V1StatefulSet,
} from "../../kube/objects.ts";
import {
  names,
  objectLabels,
  ownerReference,
  ports,
  selectorLabels,
  volumeName,
  voterLabel,
} from "./names.ts";
import type { Store } from "./store.ts";

function metadata(store: Store, name: string, added: { labels?: object; annotations?: object } = {}) {
  return {
    name,
    namespace: store.namespace,
    labels: { ...added.labels, ...objectLabels(store) },
    ...(added.annotations === undefined
      ? {}
      : { annotations: { ...added.annotations } as Record<string, string> }),
    ownerReferences: [ownerReference(store)],
  };
}

/** Pods by ordinal. When pods are made and ended is decided by the plan: it only keeps what it is told to. */
export function buildStatefulSet(store: Store, slots: number, template: V1PodTemplateSpec): V1StatefulSet {
  const { size, storageClassName } = store.spec.storage;
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: metadata(store, names.statefulSet(store)),
    spec: {
      replicas: slots,
      serviceName: names.peerService(store),
      podManagementPolicy: "Parallel",
      updateStrategy: { type: "OnDelete" },
      // Claims are deleted by the operator alone.
      persistentVolumeClaimRetentionPolicy: { whenDeleted: "Retain", whenScaled: "Retain" },
      selector: { matchLabels: selectorLabels(store) },
      template,
      volumeClaimTemplates: [
        {
          apiVersion: "v1",
          kind: "PersistentVolumeClaim",
          metadata: { name: volumeName, labels: selectorLabels(store) },
          spec: {
            accessModes: ["ReadWriteOnce"],
            resources: { requests: { storage: String(size) } },
            ...(storageClassName === undefined ? {} : { storageClassName }),
          },
        },
      ],
    },
  };
}

/** Names for the members, also of pods that are not ready: without them there would be no quorum to be ready (C4). */
export function buildPeerService(store: Store): V1Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: metadata(store, names.peerService(store)),
    spec: {
      clusterIP: "None",
      publishNotReadyAddresses: true,
      selector: selectorLabels(store),
      ports: [
        { name: "peer", port: ports.peer, targetPort: "peer" },
        { name: "client", port: ports.client, targetPort: "client" },
        { name: "metrics", port: ports.metrics, targetPort: "metrics" },
      ],
    },
  };
}

export function buildClientService(store: Store): V1Service {
  const { type, labels, annotations } = store.spec.service;
  const added = {
    ...(labels === undefined ? {} : { labels }),
    ...(annotations === undefined ? {} : { annotations }),
  };
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: metadata(store, names.clientService(store), added),
    spec: {
      type,
      selector: selectorLabels(store),
      ports: [{ name: "client", port: ports.client, targetPort: "client" }],
    },
  };
}

export function buildServiceAccount(store: Store): V1ServiceAccount {
  return {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: metadata(store, names.serviceAccount(store)),
    automountServiceAccountToken: false,
  };
}

/** Counts the pods that are marked as voters; how many of them must stay is the plan's (E19). */
export function buildBudget(store: Store, minAvailable: number): V1PodDisruptionBudget {
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: metadata(store, names.budget(store)),
    spec: {
      minAvailable,
      selector: { matchLabels: { ...selectorLabels(store), [voterLabel]: "true" } },
      // A pod that serves nothing holds up no drain.
      unhealthyPodEvictionPolicy: "AlwaysAllow",
    },
  };
}

export interface OperatorPeer {
  readonly namespace: string;
  readonly podLabels: Readonly<Record<string, string>>;
}

/** Who reaches which port. The operator reaches all three. */
export function buildNetworkPolicy(store: Store, operator: OperatorPeer): V1NetworkPolicy {
  const { clients, metrics } = store.spec.networkPolicy;
  const own = { podSelector: { matchLabels: selectorLabels(store) } };
  const operatorPeer = {
    namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": operator.namespace } },
    podSelector: { matchLabels: { ...operator.podLabels } },
  };
  const port = (number: number) => [{ protocol: "TCP", port: number }];
  const from = (peers: readonly object[] | undefined) =>
    peers === undefined ? {} : { _from: [...peers, own, operatorPeer] as never };
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: metadata(store, names.networkPolicy(store)),
    spec: {
      podSelector: { matchLabels: selectorLabels(store) },
      policyTypes: ["Ingress"],
      ingress: [
        { ports: port(ports.peer), _from: [own, operatorPeer] },
        { ports: port(ports.client), ...from(clients) },
        { ports: port(ports.metrics), ...from(metrics) },
      ],
    },
  };
}

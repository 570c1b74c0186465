import type { VariableSpec } from "./dashboard-spec.ts";

function variable(name: string, label: string, query: string, multiple: boolean): VariableSpec {
  return { name, label, query, multiple };
}

/** Several namespaces and stores at once. */
export const fleetVariables = [
  variable("namespace", "Namespace", "label_values(rstore_raft_has_leader, namespace)", true),
  variable("store", "Store", 'label_values(rstore_raft_has_leader{namespace=~"$namespace"}, store)', true),
];

/** One store, and some of its replicas. */
export const storeVariables = [
  variable("namespace", "Namespace", "label_values(rstore_raft_has_leader, namespace)", false),
  variable("store", "Store", 'label_values(rstore_raft_has_leader{namespace="$namespace"}, store)', false),
  variable(
    "replica",
    "Replica",
    'label_values(rstore_raft_has_leader{namespace="$namespace",store="$store"}, replica)',
    true,
  ),
];

export const operatorVariables = [
  variable("namespace", "Namespace", 'label_values(up{job="rstore-operator"}, namespace)', true),
];

/** Replicas and operators. */
export const processVariables = [
  variable(
    "namespace",
    "Namespace",
    'label_values(process_start_time_seconds{job=~"rstore|rstore-operator"}, namespace)',
    true,
  ),
  variable(
    "pod",
    "Pod",
    'label_values(process_start_time_seconds{job=~"rstore|rstore-operator",namespace=~"$namespace"}, pod)',
    true,
  ),
];

/** In the dashboards with those variables. */
export const inFleet = 'namespace=~"$namespace",store=~"$store"';
export const inStore = 'namespace="$namespace",store="$store"';
export const inReplicas = `${inStore},replica=~"$replica"`;
export const ofOperators = 'job="rstore-operator",namespace=~"$namespace"';
export const ofProcesses = 'job=~"rstore|rstore-operator",namespace=~"$namespace",pod=~"$pod"';

/** Long enough for a few scrapes, whatever the time range. */
export const window = "$__rate_interval";

import { podLabel } from "./pod-discovery.ts";

interface Relabeling {
  readonly sourceLabels?: readonly string[];
  readonly targetLabel?: string;
  readonly regex?: string;
  readonly replacement?: string;
  readonly action?: string;
}

/** As the chart writes it. */
export interface PodMonitor {
  readonly kind: "PodMonitor";
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: {
    readonly jobLabel: string;
    readonly namespaceSelector: { readonly any?: boolean; readonly matchNames?: readonly string[] };
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly podMetricsEndpoints: readonly [
      {
        readonly port: string;
        readonly path: string;
        readonly honorLabels?: boolean;
        readonly relabelings?: readonly Relabeling[];
      },
    ];
  };
}

/**
 * The scrape configuration that the Prometheus operator makes of a PodMonitor: pods are kept by labels and port, and
 * labelled. They come from a file of `PodDiscovery`.
 */
export function scrapeConfigFrom({ metadata, spec }: PodMonitor, podsFile: string): object {
  const [endpoint] = spec.podMetricsEndpoints;
  const { matchNames } = spec.namespaceSelector;
  const namespaces = {
    source_labels: ["__meta_kubernetes_namespace"],
    regex: matchNames?.join("|") ?? ".*",
    action: "keep",
  };
  const kept = Object.entries(spec.selector.matchLabels).map(([label, value]) => ({
    source_labels: [podLabel(label)],
    regex: value,
    action: "keep",
  }));
  return {
    job_name: `podMonitor/${metadata.namespace}/${metadata.name}`,
    metrics_path: endpoint.path,
    honor_labels: endpoint.honorLabels ?? false,
    file_sd_configs: [{ files: [podsFile], refresh_interval: "1s" }],
    relabel_configs: [
      namespaces,
      ...kept,
      { source_labels: ["__meta_kubernetes_pod_container_port_name"], regex: endpoint.port, action: "keep" },
      { source_labels: ["__meta_kubernetes_namespace"], target_label: "namespace" },
      { source_labels: ["__meta_kubernetes_pod_container_name"], target_label: "container" },
      { source_labels: ["__meta_kubernetes_pod_name"], target_label: "pod" },
      { source_labels: [podLabel(spec.jobLabel)], regex: "(.+)", target_label: "job" },
      { target_label: "endpoint", replacement: endpoint.port },
      ...(endpoint.relabelings ?? []).map(snakeCase),
    ],
  };
}

/** Of an operator that runs as a process and not as a pod: the labels that its pod would have. */
export function processConfig({ metadata, spec }: PodMonitor, address: string): object {
  const [endpoint] = spec.podMetricsEndpoints;
  const labels = {
    job: spec.selector.matchLabels[spec.jobLabel],
    namespace: metadata.namespace,
    pod: metadata.name,
    container: "operator",
  };
  return {
    job_name: `process/${metadata.namespace}/${metadata.name}`,
    metrics_path: endpoint.path,
    honor_labels: endpoint.honorLabels ?? false,
    static_configs: [{ targets: [address], labels }],
  };
}

function snakeCase({ sourceLabels, targetLabel, ...rest }: Relabeling): object {
  return {
    ...(sourceLabels !== undefined && { source_labels: sourceLabels }),
    ...(targetLabel !== undefined && { target_label: targetLabel }),
    ...rest,
  };
}

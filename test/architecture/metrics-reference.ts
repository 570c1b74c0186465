import { operatorDefinitions, libraryMetrics as operatorLibrary } from "@rstore/operator/metrics/definitions";
import { replicaDefinitions } from "@rstore/replica/metrics/definitions";
import { libraryMetrics as replicaLibrary } from "@rstore/replica/metrics/definitions/process";

interface Definition {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly labels?: Readonly<Record<string, readonly string[] | string>>;
  readonly buckets?: readonly number[];
}

interface Group {
  readonly title: string;
  readonly metrics: readonly Definition[];
}

/** The page of all metrics, from their definitions. */
export function metricsReference(): string {
  return `${[
    intro,
    "## Replica",
    replicaIntro,
    ...replicaDefinitions.map((group) => section(group)),
    library("replica", replicaLibrary),
    "## Operator",
    operatorIntro,
    ...operatorDefinitions.map((group) => section(group)),
    library("operator", operatorLibrary),
  ].join("\n\n")}\n`;
}

const intro = `# Metrics

<!-- Made by \`npm run generate\` from replica/src/metrics and operator/src/metrics. -->

Replicas and the operator answer \`GET /metrics\` in Prometheus' text format, on the port of the setting
\`metricsListen\` and \`--listen\`. Nothing of keys or values is shown.

Names are \`rstore_<subsystem>_<noun>_<unit>\`: seconds and bytes, \`_total\` on counters. Every label has few values:
a closed list, members of the configuration (\`peer\`), methods of the API, stores. Series of members that were
removed, and of stores that were deleted, vanish.`;

const replicaIntro = `Labels that say which replica it is (\`namespace\`, \`store\`, \`replica\`) come from scraping: the chart's
PodMonitor takes \`store\` from the pod's label \`app.kubernetes.io/instance\` and \`replica\` from its name. \`peer\` is the
member id of another member, in the form of all output, and \`peer_name\` the name of its replica, in Kubernetes of its
pod. What the leader alone knows has samples on the leader alone.`;

const operatorIntro = `\`namespace\` and \`store\` name the ReplicatedStore: scrape the operator with \`honorLabels: true\`, as the chart's
PodMonitor does, or \`namespace\` is the operator's own. Times are seconds since the epoch, to be taken from \`time()\`.`;

function section({ title, metrics }: Group): string {
  const rows = metrics.map(row).join("\n");
  return `### ${title}\n\n| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n${rows}`;
}

function row({ name, type, labels, help, buckets }: Definition): string {
  const shown = Object.entries(labels ?? {}).map(([label, values]) => labelText(label, values));
  const bounds = buckets === undefined ? "" : ` Buckets: ${buckets.join(", ")}.`;
  return `| \`${name}\` | ${type} | ${shown.join("; ")} | ${help}${bounds} |`;
}

function labelText(label: string, values: readonly string[] | string): string {
  if (typeof values === "string") return `\`${label}\``;
  return `\`${label}\`: ${values.join(", ")}`;
}

function library(what: string, names: readonly string[]): string {
  return `### prom-client, ${what}\n\n${names.map((name) => `- \`${name}\``).join("\n")}`;
}

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

type Schema = Readonly<Record<string, unknown>>;

const text = { type: "string" };
const flag = { type: "boolean" };
const texts = { type: "array", items: text };
const textByName = { type: "object", additionalProperties: text };
const duration = {
  type: "string",
  pattern: "^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$",
};

function object(properties: Readonly<Record<string, Schema>>, ...required: readonly string[]): Schema {
  return { type: "object", properties, ...(required.length > 0 && { required }) };
}

const relabeling = object({
  sourceLabels: texts,
  targetLabel: text,
  regex: text,
  replacement: text,
  separator: text,
  action: { type: "string", enum: ["replace", "keep", "drop"], default: "replace" },
});

const podMonitor = object(
  {
    jobLabel: text,
    podTargetLabels: texts,
    namespaceSelector: object({ any: flag, matchNames: texts }),
    selector: { ...object({ matchLabels: textByName }), "x-kubernetes-map-type": "atomic" },
    podMetricsEndpoints: {
      type: "array",
      items: object({
        port: text,
        path: text,
        interval: duration,
        scrapeTimeout: duration,
        honorLabels: flag,
        relabelings: { type: "array", items: relabeling },
      }),
    },
  },
  "selector",
);

const rule = object(
  {
    record: text,
    alert: text,
    expr: { "x-kubernetes-int-or-string": true, anyOf: [{ type: "integer" }, { type: "string" }] },
    for: duration,
    labels: textByName,
    annotations: textByName,
  },
  "expr",
);

const prometheusRule = object({
  groups: {
    type: "array",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["name"],
    items: object(
      { name: { ...text, minLength: 1 }, interval: duration, rules: { type: "array", items: rule } },
      "name",
    ),
  },
});

function definition(kind: string, spec: Schema): object {
  const singular = kind.toLowerCase();
  const schema = { openAPIV3Schema: object({ spec }, "spec") };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${singular}s.monitoring.coreos.com` },
    spec: {
      group: "monitoring.coreos.com",
      scope: "Namespaced",
      names: { kind, listKind: `${kind}List`, singular, plural: `${singular}s` },
      versions: [{ name: "v1", served: true, storage: true, schema }],
    },
  };
}

/**
 * The Prometheus operator's definitions as far as the chart uses them: names, types, patterns and required fields
 * of github.com/prometheus-operator/prometheus-operator v0.93.0. The published ones instead, when
 * RSTORE_PROMETHEUS_DEFINITIONS names a folder with them. By kind, as kubectl takes them.
 */
export function prometheusDefinitions(): Readonly<Record<"PodMonitor" | "PrometheusRule", string>> {
  const folder = process.env.RSTORE_PROMETHEUS_DEFINITIONS;
  if (folder === undefined)
    return {
      PodMonitor: JSON.stringify(definition("PodMonitor", podMonitor)),
      PrometheusRule: JSON.stringify(definition("PrometheusRule", prometheusRule)),
    };
  const read = (plural: string): string => {
    const file = readdirSync(folder).find((name) => name.endsWith(`${plural}.yaml`));
    if (file === undefined) throw new Error(`${folder} has no …${plural}.yaml`);
    return readFileSync(join(folder, file), "utf8");
  };
  return { PodMonitor: read("podmonitors"), PrometheusRule: read("prometheusrules") };
}

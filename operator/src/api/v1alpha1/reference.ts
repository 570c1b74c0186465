import { group, kind, resourceSchema, type Schema, version } from "./custom-resource-definition.ts";
import { eventReasons } from "./event-reasons.ts";

interface Row {
  readonly path: string;
  readonly schema: Schema;
}

/** The reference of the custom resource, in Markdown, from its schema. */
export function resourceReference(): string {
  const schema: Schema = resourceSchema();
  const { spec, status } = resourceSchema().properties;
  return `# ReplicatedStore

<!-- Made by \`npm run generate\` from operator/src/api/v1alpha1. -->

\`${kind}\` of \`${group}/${version}\`, short name \`rstore\`. \`kubectl explain rstore.spec\` says the same.

\`\`\`yaml
apiVersion: ${group}/${version}
kind: ${kind}
metadata:
  name: example
spec:
  replicas: 3
  storage:
    size: 10Gi
\`\`\`

## spec

${table(rowsOf(spec, ""))}

## Rules

${rulesOf(schema, "")
  .map(([path, message]) => `- ${path === "" ? "" : `\`${path}\`: `}${message}`)
  .join("\n")}

## status

Written by the operator alone.

${table(rowsOf(status, ""))}

## Events

Each step that the operator carries out is told as an Event, with its reason as the note: the same one once with a
count, and no more than a few a minute. Trouble is told as a Warning with the reason that the conditions have.

| reason | |
| --- | --- |
${Object.entries(eventReasons)
  .map(([reason, text]) => `| \`${reason}\` | ${text} |`)
  .join("\n")}
`;
}

/** Kubernetes' own structures are documented there. */
const opaque = new Set([
  "scheduling.affinity",
  "scheduling.tolerations",
  "scheduling.topologySpreadConstraints",
]);

function rowsOf({ properties = {} }: Schema, prefix: string): Row[] {
  return Object.entries(properties).flatMap(([name, schema]) => {
    const path = prefix + name;
    const inner = schema.type === "array" ? schema.items! : schema;
    const isPeer = inner.properties?.ipBlock !== undefined;
    const deeper =
      opaque.has(path) || isPeer ? [] : rowsOf(inner, `${path}${schema.type === "array" ? "[]" : ""}.`);
    return [{ path, schema }, ...deeper];
  });
}

function table(rows: readonly Row[]): string {
  const lines = rows.map(
    ({ path, schema }) => `| \`${path}\` | ${typeOf(schema)} | ${defaultOf(schema)} | ${textOf(schema)} |`,
  );
  return ["| field | type | default | |", "| --- | --- | --- | --- |", ...lines].join("\n");
}

function typeOf(schema: Schema): string {
  if (schema["x-kubernetes-int-or-string"] === true) return "quantity";
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${value}\``).join(", ");
  if (schema.type === "array") return `list of ${typeOf(schema.items!)}`;
  if (schema.format === "date-time") return "time";
  const bounds = [schema.minimum, schema.maximum];
  const range = bounds.some((bound) => bound !== undefined) ? ` (${bounds[0] ?? ""}–${bounds[1] ?? ""})` : "";
  return `${schema.additionalProperties === undefined ? schema.type : "map"}${range}`;
}

function defaultOf(schema: Schema): string {
  const value = schema.default;
  return value === undefined || typeof value === "object" ? "" : `\`${value}\``;
}

function textOf({ description = "" }: Schema): string {
  return description.replaceAll("|", "\\|").replaceAll("\n", " ");
}

function rulesOf(schema: Schema, path: string): [string, string][] {
  const own = ((schema as Record<string, unknown>)["x-kubernetes-validations"] ?? []) as {
    message: string;
  }[];
  const inner = Object.entries(schema.properties ?? {}).flatMap(([name, property]) =>
    rulesOf(property, path === "" ? name : `${path}.${name}`),
  );
  return [...own.map(({ message }): [string, string] => [path, message]), ...inner];
}

import { z } from "zod";
import { type CelRule, cel } from "./schema-parts.ts";
import { specSchema } from "./spec-schema.ts";
import { statusSchema } from "./status-schema.ts";

export const group = "rstore.dev";
export const version = "v1alpha1";
export const kind = "ReplicatedStore";
export const plural = "replicatedstores";

/** Pods are named after it, with `-` and an ordinal, and become labels: 63 characters at most. */
const nameMaxLength = 50;

/** OpenAPI v3 as a CustomResourceDefinition has it. */
export interface Schema {
  readonly type?: string;
  readonly format?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly items?: Schema;
  readonly "x-kubernetes-int-or-string"?: boolean;
  readonly "x-kubernetes-validations"?: readonly CelRule[];
}

/** The CustomResourceDefinition, as it is installed by the chart. */
export function customResourceDefinition() {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: {
        kind,
        plural,
        singular: kind.toLowerCase(),
        listKind: `${kind}List`,
        shortNames: ["rstore"],
      },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: resourceSchema() },
          subresources: {
            status: {},
            scale: {
              specReplicasPath: ".spec.replicas",
              statusReplicasPath: ".status.replicas",
              labelSelectorPath: ".status.selector",
            },
          },
          additionalPrinterColumns: [
            {
              name: "Ready",
              type: "string",
              jsonPath: ".status.ready",
              description: "Ready and wanted replicas",
            },
            { name: "Leader", type: "string", jsonPath: ".status.leader" },
            { name: "Version", type: "string", jsonPath: ".status.version" },
            { name: "Status", type: "string", jsonPath: ".status.summary" },
            {
              name: "Change",
              type: "string",
              jsonPath: ".status.change.reason",
              description: "The step under way",
              priority: 1,
            },
            { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
          ],
        },
      ],
    },
  };
}

export function resourceSchema() {
  return {
    type: "object",
    description: "A replicated, strongly consistent key-value store.",
    required: ["spec"],
    properties: {
      apiVersion: { type: "string" },
      kind: { type: "string" },
      metadata: { type: "object" },
      spec: structural(specSchema),
      status: structural(statusSchema),
    },
    ...cel({
      rule: `self.metadata.name.size() <= ${nameMaxLength} && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')`,
      message: `a name of at most ${nameMaxLength} letters, digits and "-", beginning with a letter: pods and Services are named after it`,
    }),
  };
}

/** As Kubernetes wants it: structural, with defaults, without what JSON Schema has beyond OpenAPI v3. */
function structural(schema: z.ZodType): Schema {
  const json = z.toJSONSchema(schema, {
    io: "input",
    target: "openapi-3.0",
    override: ({ jsonSchema, zodSchema }) => {
      // In full, since rules look at a default before the defaults within it are filled in.
      if (zodSchema._zod.def.type === "prefault") jsonSchema.default = z.parse(zodSchema, undefined) as never;
      // Such a value is a number or a text: a type would refuse one of them.
      if ("x-kubernetes-int-or-string" in jsonSchema) delete jsonSchema.type;
      // zod tells whole numbers by their bounds.
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if (jsonSchema.type === "integer") jsonSchema.format = "int64";
    },
  });
  return json as Schema;
}

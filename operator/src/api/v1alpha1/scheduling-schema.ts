import { z } from "zod";
import { labels } from "./schema-parts.ts";

/**
 * Kubernetes' own structures for where pods run (core/v1, as of 1.34), in full, so that a typing error is refused
 * instead of being dropped.
 */
const requirement = (operators: readonly [string, ...string[]]) =>
  z.object({
    key: z.string(),
    operator: z.enum(operators),
    values: z.array(z.string()).optional(),
  });

const labelSelector = z.object({
  matchLabels: labels.optional(),
  matchExpressions: z.array(requirement(["In", "NotIn", "Exists", "DoesNotExist"])).optional(),
});

const nodeSelectorTerm = z.object({
  matchExpressions: z.array(requirement(["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"])).optional(),
  matchFields: z.array(requirement(["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"])).optional(),
});

const weight = z.number().int().min(1).max(100);

const nodeAffinity = z.object({
  requiredDuringSchedulingIgnoredDuringExecution: z
    .object({ nodeSelectorTerms: z.array(nodeSelectorTerm).min(1) })
    .optional(),
  preferredDuringSchedulingIgnoredDuringExecution: z
    .array(z.object({ weight, preference: nodeSelectorTerm }))
    .optional(),
});

const podAffinityTerm = z.object({
  topologyKey: z.string().min(1),
  labelSelector: labelSelector.optional(),
  namespaceSelector: labelSelector.optional(),
  namespaces: z.array(z.string()).optional(),
  matchLabelKeys: z.array(z.string()).optional(),
  mismatchLabelKeys: z.array(z.string()).optional(),
});

const podAffinity = z.object({
  requiredDuringSchedulingIgnoredDuringExecution: z.array(podAffinityTerm).optional(),
  preferredDuringSchedulingIgnoredDuringExecution: z.array(z.object({ weight, podAffinityTerm })).optional(),
});

const toleration = z.object({
  key: z.string().optional(),
  operator: z.enum(["Exists", "Equal"]).optional(),
  value: z.string().optional(),
  effect: z.enum(["NoSchedule", "PreferNoSchedule", "NoExecute"]).optional(),
  tolerationSeconds: z.number().int().optional(),
});

const topologySpreadConstraint = z.object({
  maxSkew: z.number().int().min(1),
  topologyKey: z.string().min(1),
  whenUnsatisfiable: z.enum(["DoNotSchedule", "ScheduleAnyway"]),
  labelSelector: labelSelector.optional(),
  minDomains: z.number().int().min(1).optional(),
  nodeAffinityPolicy: z.enum(["Honor", "Ignore"]).optional(),
  nodeTaintsPolicy: z.enum(["Honor", "Ignore"]).optional(),
  matchLabelKeys: z.array(z.string()).optional(),
});

export const schedulingSchema = z
  .object({
    affinity: z
      .object({
        nodeAffinity: nodeAffinity.optional(),
        podAffinity: podAffinity.optional(),
        podAntiAffinity: podAffinity.optional(),
      })
      .optional()
      .describe("As in a Pod."),
    nodeSelector: labels.optional().describe("Labels that a node must have."),
    tolerations: z.array(toleration).max(32).optional().describe("As in a Pod."),
    topologySpreadConstraints: z
      .array(topologySpreadConstraint)
      .max(8)
      .optional()
      .describe(
        "As in a Pod. Absent: spread over nodes and over zones where possible. An empty list: no spreading.",
      ),
    priorityClassName: z.string().max(253).optional().describe("PriorityClass of the pods."),
  })
  .describe("Where the replicas run.");

/** A NetworkPolicyPeer (networking.k8s.io/v1). */
export const networkPeer = z.object({
  podSelector: labelSelector.optional(),
  namespaceSelector: labelSelector.optional(),
  ipBlock: z.object({ cidr: z.string(), except: z.array(z.string()).optional() }).optional(),
});

import { z } from "zod";
import { networkPeer, schedulingSchema } from "./scheduling-schema.ts";
import { addedLabels, amounts, annotations, cel, type QuantityRange, quantity } from "./schema-parts.ts";

/** Of what a replica takes: it would refuse to start with anything else. By path in spec. */
export const quantityRanges = {
  "storage.size": { least: "2Mi" },
  "limits.storeQuota": { least: "1Mi" },
  "limits.requestMax": { least: "4Ki", most: "64Mi" },
} as const satisfies Readonly<Record<string, QuantityRange>>;

const claimPolicy = z.enum(["Retain", "Delete"]);

const storageSchema = z
  .object({
    size: quantity(quantityRanges["storage.size"])
      .default("8Gi")
      .describe("Of each replica's volume. Can't be changed."),
    storageClassName: z
      .string()
      .max(253)
      .optional()
      .describe("Absent: the cluster's default class. Can't be changed."),
    whenScaled: claimPolicy
      .default("Retain")
      .describe("What becomes of the claims of replicas that a smaller `replicas` took away."),
    whenDeleted: claimPolicy
      .default("Retain")
      .describe(
        "What becomes of all claims when the resource is deleted. Retain: a new resource of the same name takes the data over.",
      ),
  })
  .meta(
    cel(
      {
        rule: "self.size == oldSelf.size",
        fieldPath: ".size",
        message: "the size of the volumes can't be changed yet: make a new store and copy the data",
      },
      {
        rule: "has(self.storageClassName) == has(oldSelf.storageClassName) && (!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)",
        fieldPath: ".storageClassName",
        message: "the storage class can't be changed yet: make a new store and copy the data",
      },
    ),
  )
  .describe("Volumes of the replicas, one each.");

const resourcesSchema = z
  .object({
    requests: amounts.optional().describe("What a replica is sure to get."),
    limits: amounts.optional().describe("What a replica may use at most."),
  })
  .meta(
    cel({
      rule: "!has(self.requests) || !has(self.limits) || self.requests.all(name, !(name in self.limits) || !isQuantity(string(self.requests[name])) || !isQuantity(string(self.limits[name])) || !quantity(string(self.requests[name])).isGreaterThan(quantity(string(self.limits[name]))))",
      message: "a request must not be greater than the limit of the same resource",
    }),
  )
  .describe("CPU and memory of a replica. A memory limit below 512Mi is too little under load.");

const podSchema = z
  .object({
    labels: addedLabels.optional(),
    annotations: annotations.optional(),
  })
  .describe("Labels and annotations added to the pods. A change restarts them, one after another.");

const serviceSchema = z
  .object({
    type: z.enum(["ClusterIP", "NodePort", "LoadBalancer"]).default("ClusterIP"),
    labels: addedLabels.optional(),
    annotations: annotations.optional(),
  })
  .describe("The Service that clients use.");

const raftSchema = z
  .object({
    heartbeatIntervalSeconds: z
      .number()
      .min(0.01)
      .max(3)
      .default(0.1)
      .describe("Time between a leader's heartbeats."),
    electionTimeoutSeconds: z
      .number()
      .min(0.1)
      .max(60)
      .default(1)
      .describe("Silence of the leader before an election; at least five heartbeats."),
  })
  .meta(
    cel({
      rule: "self.electionTimeoutSeconds >= 5.0 * self.heartbeatIntervalSeconds",
      fieldPath: ".electionTimeoutSeconds",
      message: "electionTimeoutSeconds must be at least five times heartbeatIntervalSeconds",
    }),
  )
  .describe("Timings of consensus. Raise both where members are far apart.");

const limitsSchema = z
  .object({
    storeQuota: quantity(quantityRanges["limits.storeQuota"])
      .optional()
      .describe("Most bytes of the store; puts are refused beyond it. Absent: half of storage.size."),
    requestMax: quantity(quantityRanges["limits.requestMax"])
      .optional()
      .describe("Most bytes of one request, 4Ki to 64Mi. Absent: 1.5 MiB."),
    connectionsMax: z
      .number()
      .int()
      .min(1)
      .max(1_000_000)
      .optional()
      .describe("Most client connections of one replica. Absent: 10,000."),
  })
  .describe("Quotas and limits.");

const compactionSchema = z
  .object({
    keepRevisions: z
      .number()
      .int()
      .min(1)
      .max(Number.MAX_SAFE_INTEGER)
      .optional()
      .describe("Old revisions of the store that stay readable."),
    keepSeconds: z
      .number()
      .int()
      .min(1)
      .max(315_360_000)
      .optional()
      .describe("How long old revisions stay readable."),
  })
  .describe(
    "History that is kept. Absent: all of it, until a client compacts it. With both, the longer one counts.",
  );

const tracingSchema = z
  .object({
    endpoint: z
      .string()
      .max(2048)
      .regex(/^https?:\/\/\S+$/)
      .describe("OTLP/HTTP URL of a collector, such as `http://collector.tracing:4318/v1/traces`."),
    sampleRatio: z
      .number()
      .min(0)
      .max(1)
      .optional()
      .describe("Of requests whose caller sends no trace context, this share is traced. Absent: a tenth."),
  })
  .describe("OpenTelemetry traces of requests. Absent: none.");

const replacementSchema = z
  .object({
    mode: z
      .enum(["Automatic", "Manual"])
      .default("Automatic")
      .describe("Manual: a lost member is reported and waits for a person."),
    afterSeconds: z
      .number()
      .int()
      .min(5)
      .max(604_800)
      .default(300)
      .describe("A member that nobody reached for so long may be replaced."),
  })
  .describe("What happens when a member is lost with its disk or its node.");

const networkPolicySchema = z
  .object({
    enabled: z.boolean().default(true).describe("False: no NetworkPolicy is made."),
    clients: z
      .array(networkPeer)
      .max(64)
      .optional()
      .describe("Who reaches the client port. Absent: everybody."),
    metrics: z
      .array(networkPeer)
      .max(64)
      .optional()
      .describe("Who reaches the metrics port. Absent: everybody."),
  })
  .describe("The peer port is open to the store's own pods and to the operator alone.");

const drainsSchema = z
  .object({
    mayInterruptService: z
      .boolean()
      .default(false)
      .describe(
        "Lets the drain of a node end a replica of a store of one or two, which then is down for a while.",
      ),
  })
  .describe("What a drain may do to a store that can't lose a replica.");

/** `spec` of a ReplicatedStore: the one source of its types, its defaults, its schema in the cluster, its reference. */
export const specSchema = z
  .object({
    replicas: z
      .number()
      .int()
      .min(1)
      .max(9)
      .default(3)
      .describe(
        "Wanted voters. Three survive the loss of one, five of two; even numbers survive no more than the odd one below.",
      ),
    version: z
      .string()
      .regex(/^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/)
      .optional()
      .describe("Version of rstore. Absent, with image absent too: the operator's own."),
    image: z.string().min(1).max(512).optional().describe("Image of the replicas, instead of version."),
    imagePullPolicy: z.enum(["Always", "IfNotPresent", "Never"]).default("IfNotPresent"),
    imagePullSecrets: z
      .array(z.object({ name: z.string().min(1).max(253) }))
      .max(16)
      .optional()
      .describe("Secrets with which the image is pulled."),
    storage: storageSchema.prefault({}),
    resources: resourcesSchema.optional(),
    scheduling: schedulingSchema.prefault({}),
    pod: podSchema.optional(),
    service: serviceSchema.prefault({}),
    raft: raftSchema.prefault({}),
    limits: limitsSchema.prefault({}),
    compaction: compactionSchema.optional(),
    logLevel: z
      .enum(["debug", "info", "warn", "error"])
      .optional()
      .describe("Of the replicas. debug follows each request by its id. Absent: info."),
    tracing: tracingSchema.optional(),
    paused: z
      .boolean()
      .default(false)
      .describe("The operator observes and reports, and changes nothing but the budget that drains go by."),
    replacement: replacementSchema.prefault({}),
    catchUpDeadlineSeconds: z
      .number()
      .int()
      .min(5)
      .max(86_400)
      .default(600)
      .describe("Newcomers that have not caught up by then are taken away again."),
    networkPolicy: networkPolicySchema.prefault({}),
    drains: drainsSchema.prefault({}),
  })
  .meta(
    cel(
      {
        rule: "!(has(self.version) && has(self.image))",
        message: "give version or image, not both",
      },
      {
        rule: "!has(self.limits.storeQuota) || !isQuantity(string(self.limits.storeQuota)) || !isQuantity(string(self.storage.size)) || !quantity(string(self.limits.storeQuota)).isGreaterThan(quantity(string(self.storage.size)))",
        fieldPath: ".limits",
        message: "storeQuota must not be greater than storage.size: the volume would be full first",
      },
    ),
  )
  .describe("What is wanted.");

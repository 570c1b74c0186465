import { z } from "zod";
import { timestamp } from "./schema-parts.ts";

const id = z.string().describe("16 hexadecimal digits.");
const count = z.number().int();

const memberSchema = z.object({
  id,
  name: z.string(),
  slot: count.optional().describe("Ordinal of its pod; absent: none is known to hold its disk."),
  role: z.enum(["Leader", "Follower", "Learner", "Leaving"]),
  caughtUp: z.boolean().describe("Its log is about as long as the leader's."),
  health: z.enum(["Healthy", "CatchingUp", "Unreachable", "Lost", "Unknown"]),
  since: timestamp.describe("Since when its health is what it is."),
  incarnation: z
    .string()
    .optional()
    .describe("Highest number of starts that it reported: a disk that reports fewer is an old copy."),
});

const changeSchema = z
  .object({
    kind: z.enum(["ChangeMembership", "DeleteClaim", "Restart", "StopSlots"]),
    reason: z.string(),
    startedTime: timestamp,
    triedTime: timestamp
      .optional()
      .describe("About when it was last tried again; absent: not since it began, or only shortly after."),
    configurationIndex: z.string().describe("Of the configuration that the step was planned with."),
    slot: count.optional(),
    uid: z.string().optional().describe("Of the claim or the pod."),
    voters: z.array(id).optional().describe("Of the configuration that is to be."),
  })
  .describe("The disruptive step under way, written before it is taken.");

const conditionSchema = z.object({
  type: z.enum(["Available", "Progressing", "Degraded"]),
  status: z.enum(["True", "False", "Unknown"]),
  reason: z.string(),
  message: z.string(),
  observedGeneration: count,
  lastTransitionTime: timestamp,
});

/** `status` of a ReplicatedStore. */
export const statusSchema = z
  .object({
    observedGeneration: count.optional().describe("Generation of the spec that this is about."),
    clusterId: id.optional().describe("Of the cluster that the members form; never changes."),
    bootstrap: z
      .object({ clusterId: id, memberId: id })
      .optional()
      .describe("The intent to found a cluster: written before the call, never again."),
    replicas: count.optional().describe("Pods that exist."),
    readyReplicas: count.optional().describe("Replicas that serve linearizable requests."),
    ready: z.string().optional().describe("Ready and wanted replicas, for people."),
    summary: z.string().optional().describe("In one word, for people: Healthy, or what matters most."),
    selector: z.string().optional().describe("Label selector of the pods, for the scale subresource."),
    leader: z.string().optional().describe("Name of the member that leads."),
    members: z
      .array(memberSchema)
      .optional()
      .meta({
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["id"],
      }),
    version: z.string().optional().describe("Of the replicas, when they all have the same."),
    image: z
      .object({ requested: z.string(), resolved: z.string() })
      .optional()
      .describe(
        "The image in use: resolved when the user last edited it, so that a new operator restarts nothing.",
      ),
    change: changeSchema.optional(),
    scaleOut: z
      .object({
        generation: count,
        target: count,
        from: count.describe("The first ordinal of a newcomer."),
        startedTime: timestamp,
        givenUp: count.describe("Attempts that were given up."),
        retryTime: timestamp.optional(),
        keptClaims: z.array(z.string()).describe("UIDs of claims that were there before."),
      })
      .optional()
      .describe("The attempt to grow that is under way or was given up."),
    settledReplicas: count.optional().describe("The last number of replicas that was reached in full."),
    lastObservedTime: timestamp
      .optional()
      .describe("When the operator last looked: older than five minutes, all of this is unknown."),
    conditions: z
      .array(conditionSchema)
      .optional()
      .meta({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"] }),
  })
  .describe("What the operator saw and does.");

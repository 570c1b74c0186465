import { type CountedDefinition, flag, type ScrapedDefinition, stateSamples } from "../definition.ts";
import { problemKinds, type ReplicaReading } from "../reading.ts";
import { idLabel } from "./peer-labels.ts";

const roles = [
  "leader",
  "follower",
  "candidate",
  "pre-candidate",
  "learner",
  "removed",
  "uninitialized",
] as const;

export const storeScraped: readonly ScrapedDefinition<ReplicaReading>[] = [
  {
    name: "rstore_store_revision",
    help: "The store's revision.",
    type: "gauge",
    read: ({ state }) => Number(state.revision),
  },
  {
    name: "rstore_store_compacted_revision",
    help: "History before this revision is gone.",
    type: "gauge",
    read: ({ status }) => Number(status.compactedRevision),
  },
  {
    name: "rstore_store_compaction_pending",
    help: "1 while history that was compacted is being removed.",
    type: "gauge",
    read: ({ member }) => flag(member?.compactionPending ?? false),
  },
  {
    name: "rstore_store_keys",
    help: "Number of keys in the store.",
    type: "gauge",
    read: ({ status }) => status.totalKeys,
  },
  {
    name: "rstore_replica_info",
    help: "1, with the ids of the member and its cluster, and its name as the label peer_name of others shows it.",
    type: "gauge",
    labels: { member: "self", cluster: "self", name: "self" },
    read: ({ identity }) => [
      {
        labels: {
          member: idLabel(identity.memberId),
          cluster: idLabel(identity.clusterId),
          name: identity.name,
        },
        value: 1,
      },
    ],
  },
  {
    name: "rstore_replica_incarnation",
    help: "Starts of this member on its disk.",
    type: "gauge",
    read: ({ identity }) => Number(identity.incarnation),
  },
  {
    name: "rstore_replica_role",
    help: "1 for the role of this replica.",
    type: "gauge",
    labels: { role: roles },
    read: ({ status }) => stateSamples("role", roles, (role) => role === status.role),
  },
  {
    name: "rstore_replica_ready",
    help: "1 if the replica is ready to serve.",
    type: "gauge",
    read: ({ ready }) => flag(ready),
  },
  {
    name: "rstore_replica_problem",
    help: "1 for each reason why the replica does not serve, or not everything; store-lost: the store was lost or damaged and is fetched from a peer; disk-refused: peers say that the disk is an old copy.",
    type: "gauge",
    labels: { kind: problemKinds },
    read: ({ problems }) =>
      stateSamples("kind", problemKinds, (kind) => (problems as readonly string[]).includes(kind)),
  },
];

export const storeCounted = {
  compactions: {
    name: "rstore_store_compactions_total",
    help: "Compactions of the history that this member has applied.",
    type: "counter",
  },
} as const satisfies Record<string, CountedDefinition>;

import {
  type Definition,
  flag,
  type Sample,
  type ScrapedDefinition,
} from "@rstore/replica/metrics/definition";
import type {
  ChangeKind,
  ConditionStatus,
  ConditionType,
  MemberHealth,
  MemberRole,
  ReplicatedStoreStatus,
} from "../api/v1alpha1/types.ts";

/** One ReplicatedStore, as last heard of, and as last looked at. Times are of the epoch. */
export interface StoreReading {
  readonly namespace: string;
  readonly name: string;
  /** `spec.replicas`. */
  readonly wantedReplicas: number;
  readonly paused: boolean;
  readonly status: ReplicatedStoreStatus;
  /** Of the last look that succeeded; before the first, as status says. */
  readonly lastLookSeconds: number | undefined;
  /** Slots whose volume is gone, at the last look. */
  readonly claimsLost: number;
  /** Slots by what their replicas said of themselves, at the last look. */
  readonly reports: Readonly<Record<SlotReport, number>>;
}

export type SlotReport = "silent" | "blank" | "member" | "removed" | "damaged";

const conditionTypes: readonly ConditionType[] = ["Available", "Progressing", "Degraded"];
const conditionStatuses: readonly ConditionStatus[] = ["True", "False", "Unknown"];
const roles: readonly MemberRole[] = ["Leader", "Follower", "Learner", "Leaving"];
const healths: readonly MemberHealth[] = ["Healthy", "CatchingUp", "Unreachable", "Lost", "Unknown"];
const changeKinds: readonly ChangeKind[] = ["ChangeMembership", "DeleteClaim", "Restart", "StopSlots"];
export const slotReports: readonly SlotReport[] = ["silent", "blank", "member", "removed", "damaged"];

type StoreDefinition = Omit<ScrapedDefinition<StoreReading>, "labels"> & Pick<Definition, "labels">;

/** Each also has the labels `namespace` and `store`. */
export const storeScraped: readonly StoreDefinition[] = [
  {
    name: "rstore_operator_store_info",
    help: "1, with the id of the store's cluster and the version that all of its replicas run, both empty while there is none.",
    type: "gauge",
    labels: { cluster: "store", version: "store" },
    read: ({ status }) => [
      { labels: { cluster: status.clusterId ?? "", version: status.version ?? "" }, value: 1 },
    ],
  },
  {
    name: "rstore_operator_store_condition",
    help: "1 for the status that each condition of the store has.",
    type: "gauge",
    labels: { condition: conditionTypes, status: conditionStatuses },
    read: ({ status }) => conditionTypes.flatMap((type) => conditionSamples(type, status)),
  },
  {
    name: "rstore_operator_store_replicas_wanted",
    help: "spec.replicas.",
    type: "gauge",
    read: ({ wantedReplicas }) => wantedReplicas,
  },
  {
    name: "rstore_operator_store_replicas_running",
    help: "Replicas that have a pod.",
    type: "gauge",
    read: ({ status }) => status.replicas ?? 0,
  },
  {
    name: "rstore_operator_store_replicas_ready",
    help: "Replicas that serve linearizable requests.",
    type: "gauge",
    read: ({ status }) => status.readyReplicas ?? 0,
  },
  {
    name: "rstore_operator_store_replicas_reported",
    help: "Replicas by what they said of themselves at the last look; damaged: the disk is damaged, cut off or an old copy.",
    type: "gauge",
    labels: { report: slotReports },
    read: ({ reports }) => slotReports.map((report) => ({ labels: { report }, value: reports[report] })),
  },
  {
    name: "rstore_operator_store_members",
    help: "Members of the cluster, by role and health.",
    type: "gauge",
    labels: { role: roles, health: healths },
    read: ({ status }) =>
      roles.flatMap((role) =>
        healths.map((health) => ({
          labels: { role, health },
          value: (status.members ?? []).filter((one) => one.role === role && one.health === health).length,
        })),
      ),
  },
  {
    name: "rstore_operator_store_failures_tolerated",
    help: "Voters that may still be lost before there is no majority, healthy ones counted; negative: there is none.",
    type: "gauge",
    read: ({ status }) => failuresTolerated(status),
  },
  {
    name: "rstore_operator_store_change_under_way",
    help: "1 for the disruptive step that is under way.",
    type: "gauge",
    labels: { kind: changeKinds },
    read: ({ status }) =>
      changeKinds.map((kind) => ({ labels: { kind }, value: flag(status.change?.kind === kind) })),
  },
  {
    name: "rstore_operator_store_change_started_timestamp_seconds",
    help: "When the disruptive step that is under way began; absent: none is.",
    type: "gauge",
    labels: { kind: changeKinds },
    read: ({ status: { change } }) =>
      change === undefined
        ? undefined
        : [{ labels: { kind: change.kind }, value: Date.parse(change.startedTime) / 1000 }],
  },
  {
    name: "rstore_operator_store_claims_lost",
    help: "Volumes of the store that are gone, as the last look saw them.",
    type: "gauge",
    read: ({ claimsLost }) => claimsLost,
  },
  {
    name: "rstore_operator_store_paused",
    help: "1 while spec.paused keeps the operator from changing anything.",
    type: "gauge",
    read: ({ paused }) => flag(paused),
  },
  {
    name: "rstore_operator_store_last_look_timestamp_seconds",
    help: "When the operator last looked at the store with success.",
    type: "gauge",
    read: ({ lastLookSeconds }) => lastLookSeconds,
  },
];

function conditionSamples(condition: ConditionType, { conditions }: ReplicatedStoreStatus): Sample[] {
  const current = conditions?.find(({ type }) => type === condition)?.status ?? "Unknown";
  return conditionStatuses.map((status) => ({
    labels: { condition, status },
    value: flag(status === current),
  }));
}

/** Of the voters that there are to be: who is leaving does not count. Absent before there are any. */
function failuresTolerated({ members }: ReplicatedStoreStatus): number | undefined {
  const voters = (members ?? []).filter(({ role }) => role === "Leader" || role === "Follower");
  if (voters.length === 0) return undefined;
  const healthy = voters.filter(({ health }) => health === "Healthy").length;
  return healthy - (Math.floor(voters.length / 2) + 1);
}

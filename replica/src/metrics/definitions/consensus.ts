import { type CountedDefinition, flag, type ScrapedDefinition, stateSamples } from "../definition.ts";
import { type FollowerReading, progressStates, type ReplicaReading } from "../reading.ts";
import { peerLabels } from "./peer-labels.ts";

const kinds = ["voter", "outgoing", "learner"] as const;

/** Only the leader knows them. */
function ofFollowers(
  { member, peers }: ReplicaReading,
  value: (follower: FollowerReading) => number,
): { labels: Record<string, string>; value: number }[] {
  return (member?.followers ?? []).map((follower) => ({
    labels: peerLabels(follower.memberId, peers),
    value: value(follower),
  }));
}

export const consensusScraped: readonly ScrapedDefinition<ReplicaReading>[] = [
  {
    name: "rstore_raft_has_leader",
    help: "1 if this member knows a leader.",
    type: "gauge",
    read: ({ state }) => flag(state.leaderId !== 0n),
  },
  {
    name: "rstore_raft_is_leader",
    help: "1 if this member leads.",
    type: "gauge",
    read: ({ state }) => flag(state.leaderId !== 0n && state.leaderId === state.memberId),
  },
  {
    name: "rstore_raft_is_learner",
    help: "1 if this member has no vote.",
    type: "gauge",
    read: ({ member }) => flag(member?.isLearner ?? false),
  },
  {
    name: "rstore_raft_term",
    help: "The current term.",
    type: "gauge",
    read: ({ state }) => Number(state.term),
  },
  {
    name: "rstore_raft_first_index",
    help: "Index of the first entry in the log.",
    type: "gauge",
    read: ({ status }) => Number(status.firstIndex),
  },
  {
    name: "rstore_raft_last_index",
    help: "Index of the last entry in the log.",
    type: "gauge",
    read: ({ status }) => Number(status.lastIndex),
  },
  {
    name: "rstore_raft_commit_index",
    help: "Index up to which entries are known to be committed.",
    type: "gauge",
    read: ({ status }) => Number(status.commitIndex),
  },
  {
    name: "rstore_raft_applied_index",
    help: "Index up to which entries are applied to the store.",
    type: "gauge",
    read: ({ status }) => Number(status.appliedIndex),
  },
  {
    name: "rstore_raft_durable_applied_index",
    help: "Index up to which the store is on disk.",
    type: "gauge",
    read: ({ status }) => Number(status.durableAppliedIndex),
  },
  {
    name: "rstore_raft_configuration_index",
    help: "Index of the entry with the configuration in force; it changes with each change of members.",
    type: "gauge",
    read: ({ status }) => Number(status.configurationIndex),
  },
  {
    name: "rstore_raft_configuration_joint",
    help: "1 while a change of membership is under way.",
    type: "gauge",
    read: ({ status }) => flag(status.joint),
  },
  {
    name: "rstore_raft_configuration_members",
    help: "Members of the configuration in force, by kind; outgoing: those that lose their vote by the change under way.",
    type: "gauge",
    labels: { kind: kinds },
    read: ({ member }) => [
      { labels: { kind: "voter" }, value: member?.voters ?? 0 },
      { labels: { kind: "outgoing" }, value: member?.outgoing ?? 0 },
      { labels: { kind: "learner" }, value: member?.learners ?? 0 },
    ],
  },
  {
    name: "rstore_raft_failures_tolerated",
    help: "Voters that may still be lost before there is no majority, as the leader hears of them; on the leader only.",
    type: "gauge",
    read: ({ member }) => member?.failuresTolerated,
  },
  {
    name: "rstore_raft_pre_votes_started_total",
    help: "Pre-votes that this member has asked for: it heard no leader.",
    type: "counter",
    read: ({ member }) => member?.preVotesStarted ?? 0,
  },
  {
    name: "rstore_raft_elections_started_total",
    help: "Elections that this member has started: terms that it began.",
    type: "counter",
    read: ({ member }) => member?.electionsStarted ?? 0,
  },
  {
    name: "rstore_raft_proposals_pending",
    help: "Calls with writes and entries of this leader that wait to be proposed or applied.",
    type: "gauge",
    read: ({ member }) => member?.proposalsPending ?? 0,
  },
  {
    name: "rstore_raft_reads_pending",
    help: "Linearizable reads that wait for a leader to confirm them.",
    type: "gauge",
    read: ({ member }) => member?.readsPending ?? 0,
  },
  {
    name: "rstore_raft_peer_lag_entries",
    help: "Entries of the leader's log that the peer has not acknowledged as durable; on the leader only.",
    type: "gauge",
    labels: { peer: "peer", peer_name: "peer" },
    read: (reading) => ofFollowers(reading, ({ lagEntries }) => lagEntries),
  },
  {
    name: "rstore_raft_peer_active",
    help: "1 if the leader heard of the peer within an election timeout; on the leader only.",
    type: "gauge",
    labels: { peer: "peer", peer_name: "peer" },
    read: (reading) => ofFollowers(reading, ({ active }) => flag(active)),
  },
  {
    name: "rstore_raft_peer_inflight_bytes",
    help: "Bytes of entries on their way to the peer; on the leader only.",
    type: "gauge",
    labels: { peer: "peer", peer_name: "peer" },
    read: (reading) => ofFollowers(reading, ({ inflightBytes }) => inflightBytes),
  },
  {
    name: "rstore_raft_peer_state",
    help: "1 for how the leader sends to the peer: probe (looks where the logs agree), replicate, snapshot; on the leader only.",
    type: "gauge",
    labels: { peer: "peer", peer_name: "peer", state: progressStates },
    read: ({ member, peers }) =>
      (member?.followers ?? []).flatMap(({ memberId, state }) =>
        stateSamples("state", progressStates, (value) => value === state).map(({ labels, value }) => ({
          labels: { ...peerLabels(memberId, peers), ...labels },
          value,
        })),
      ),
  },
];

/** Reasons of writes that failed; as rstore.v1.Reason, but those that no write ends with. */
export const writeFailureReasons = [
  "invalid-argument",
  "not-leader",
  "no-leader",
  "no-quorum",
  "compacted",
  "future-revision",
  "compare-failed",
  "too-large",
  "limit-exceeded",
  "no-space",
  "deadline-exceeded",
  "outcome-unknown",
  "not-initialized",
  "member-removed",
  "shutting-down",
  "not-ready",
  "internal",
  "other",
] as const;

export const commitBucketsSeconds = [
  0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];
const applyBucketsSeconds = [
  0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1,
];
const operationBuckets = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096];
const entryBucketsBytes = [64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304];

export const consensusCounted = {
  leaderChanges: {
    name: "rstore_raft_leader_changes_total",
    help: "How often this member has seen the leader change.",
    type: "counter",
  },
  entryOperations: {
    name: "rstore_raft_entry_operations",
    help: "Operations that share an entry that this leader proposed.",
    type: "histogram",
    buckets: operationBuckets,
  },
  entryBytes: {
    name: "rstore_raft_entry_bytes",
    help: "Size of an entry that this leader proposed.",
    type: "histogram",
    buckets: entryBucketsBytes,
  },
  commitDuration: {
    name: "rstore_raft_commit_duration_seconds",
    help: "Time from proposing an entry on this leader until it is committed and applied here.",
    type: "histogram",
    buckets: commitBucketsSeconds,
  },
  applyDuration: {
    name: "rstore_raft_apply_duration_seconds",
    help: "Time that applying a committed entry takes.",
    type: "histogram",
    buckets: applyBucketsSeconds,
  },
  readRounds: {
    name: "rstore_raft_read_index_rounds_total",
    help: "Read-index requests of this member; reads that wait at the same time share one.",
    type: "counter",
  },
  readFailures: {
    name: "rstore_raft_read_index_failures_total",
    help: "Read-index requests that no leader confirmed; they are made anew until the caller's deadline.",
    type: "counter",
    labels: { reason: ["no-leader", "leader-changed", "rejected"] },
  },
  readDuration: {
    name: "rstore_raft_read_index_duration_seconds",
    help: "Time from a read-index request until its index is applied here and the reads are served.",
    type: "histogram",
    buckets: commitBucketsSeconds,
  },
} as const satisfies Record<string, CountedDefinition>;

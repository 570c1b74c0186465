import type { AnswerState, ReplicaStatus } from "../runtime/replica-api.ts";
import type { PeerStats } from "../transport/types.ts";
import type { Description } from "./instruments.ts";

/** What the replica says about itself at a scrape. */
export interface ReplicaReading {
  readonly state: AnswerState;
  readonly status: ReplicaStatus;
  readonly ready: boolean;
  /** Writes proposed and not answered yet. */
  readonly proposalsPending: number;
  readonly peers: readonly PeerStats[];
}

/** What the client port says about itself at a scrape. */
export interface RpcReading {
  readonly inflightRequests: number;
  readonly inflightBytes: number;
  readonly connections: number;
}

export interface ReplicaMetric extends Description {
  readonly type: "gauge" | "counter";
  readonly read: (reading: ReplicaReading) => number;
}

/** One sample for each peer, labelled with its member id. */
export interface PeerMetric extends Description {
  readonly type: "gauge" | "counter";
  /** undefined: no sample. */
  readonly read: (peer: PeerStats) => number | undefined;
}

export interface RpcMetric extends Description {
  readonly type: "gauge";
  readonly read: (reading: RpcReading) => number;
}

const flag = (value: boolean): number => (value ? 1 : 0);

export const replicaMetrics: readonly ReplicaMetric[] = [
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
    name: "rstore_raft_term",
    help: "The current term.",
    type: "gauge",
    read: ({ state }) => Number(state.term),
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
    name: "rstore_raft_configuration_joint",
    help: "1 while a change of membership is under way.",
    type: "gauge",
    read: ({ status }) => flag(status.joint),
  },
  {
    name: "rstore_raft_proposals_pending",
    help: "Writes proposed by this member and not answered yet.",
    type: "gauge",
    read: ({ proposalsPending }) => proposalsPending,
  },
  {
    name: "rstore_replica_ready",
    help: "1 if the replica is ready to serve.",
    type: "gauge",
    read: ({ ready }) => flag(ready),
  },
  {
    name: "rstore_replica_problems",
    help: "Number of problems that the replica reports in its status.",
    type: "gauge",
    read: ({ status }) => status.problems.length,
  },
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
    name: "rstore_store_keys",
    help: "Number of keys in the store.",
    type: "gauge",
    read: ({ status }) => status.totalKeys,
  },
  {
    name: "rstore_storage_store_used_bytes",
    help: "Bytes of the pages that the store uses; the quota counts these.",
    type: "gauge",
    read: ({ status }) => status.storeBytesUsed,
  },
  {
    name: "rstore_storage_store_quota_bytes",
    help: "Bytes that the store may use.",
    type: "gauge",
    read: ({ status }) => status.storeBytesQuota,
  },
  {
    name: "rstore_storage_log_used_bytes",
    help: "Bytes that the log uses.",
    type: "gauge",
    read: ({ status }) => status.logBytesUsed,
  },
  {
    name: "rstore_storage_disk_available_bytes",
    help: "Bytes that are free on the disk of the data directory.",
    type: "gauge",
    read: ({ status }) => status.diskBytesAvailable,
  },
];

export const peerMetrics: readonly PeerMetric[] = [
  {
    name: "rstore_peer_connected",
    help: "1 if there is a connection to the peer.",
    type: "gauge",
    read: (peer) => flag(peer.connected),
  },
  {
    name: "rstore_peer_round_trip_seconds",
    help: "Last round trip to the peer.",
    type: "gauge",
    read: (peer) => (peer.roundTripMs === undefined ? undefined : peer.roundTripMs / 1000),
  },
  {
    name: "rstore_peer_queued_bytes",
    help: "Bytes that wait to be sent to the peer.",
    type: "gauge",
    read: (peer) => peer.queuedBytes,
  },
  {
    name: "rstore_peer_sent_bytes_total",
    help: "Bytes sent to the peer.",
    type: "counter",
    read: (peer) => peer.bytesSent,
  },
  {
    name: "rstore_peer_received_bytes_total",
    help: "Bytes received from the peer.",
    type: "counter",
    read: (peer) => peer.bytesReceived,
  },
  {
    name: "rstore_peer_sent_messages_total",
    help: "Messages sent to the peer.",
    type: "counter",
    read: (peer) => peer.messagesSent,
  },
  {
    name: "rstore_peer_received_messages_total",
    help: "Messages received from the peer.",
    type: "counter",
    read: (peer) => peer.messagesReceived,
  },
  {
    name: "rstore_peer_dropped_messages_total",
    help: "Messages to the peer that were dropped: no connection, or its queue was full.",
    type: "counter",
    read: (peer) => peer.messagesDropped,
  },
];

export const rpcMetrics: readonly RpcMetric[] = [
  {
    name: "rstore_rpc_inflight_requests",
    help: "Requests under way on the client port.",
    type: "gauge",
    read: (reading) => reading.inflightRequests,
  },
  {
    name: "rstore_rpc_inflight_bytes",
    help: "Bytes of requests and answers under way on the client port.",
    type: "gauge",
    read: (reading) => reading.inflightBytes,
  },
  {
    name: "rstore_rpc_connections",
    help: "Connections to the client port.",
    type: "gauge",
    read: (reading) => reading.connections,
  },
];

/** What is counted as it happens. */
export const countedMetrics = {
  leaderChanges: {
    name: "rstore_raft_leader_changes_total",
    help: "How often this member has seen the leader change.",
  },
  proposalsFailed: {
    name: "rstore_raft_proposals_failed_total",
    help: "Writes of this member that failed, by reason.",
  },
  fsyncDuration: {
    name: "rstore_storage_fsync_duration_seconds",
    help: "Time of a durable commit, by environment: raft (the log) or store.",
  },
  applyDuration: {
    name: "rstore_raft_apply_duration_seconds",
    help: "Time that applying a batch of committed entries takes.",
  },
  requests: {
    name: "rstore_rpc_requests_total",
    help: "Requests answered on the client port, by service, method and code.",
  },
  requestDuration: {
    name: "rstore_rpc_request_duration_seconds",
    help: "Time from a request's headers to its answer, by service and method.",
  },
  connectionsRefused: {
    name: "rstore_rpc_connections_refused_total",
    help: "Connections to the client port that were closed because there were too many.",
  },
  requestsCutOff: {
    name: "rstore_rpc_requests_cut_off_total",
    help: "Requests that were ended because their body did not come or their answer was not taken.",
  },
} as const satisfies Record<string, Description>;

/** From 50 µs, a commit on a fast disk, to 10 s. */
export const diskBoundsSeconds = [
  0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

export const requestBoundsSeconds = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];

import type { CountedDefinition, ScrapedDefinition } from "../definition.ts";
import type { RpcReading } from "../reading.ts";
import { writeFailureReasons } from "./consensus.ts";

export const apiScraped: readonly ScrapedDefinition<RpcReading>[] = [
  {
    name: "rstore_rpc_inflight_requests",
    help: "Requests under way on the client port.",
    type: "gauge",
    read: ({ inflightRequests }) => inflightRequests,
  },
  {
    name: "rstore_rpc_inflight_requests_max",
    help: "Requests that may be under way on the client port.",
    type: "gauge",
    read: ({ limits }) => limits.inflightMaxRequests,
  },
  {
    name: "rstore_rpc_inflight_bytes",
    help: "Bytes of requests and answers under way on the client port.",
    type: "gauge",
    read: ({ inflightBytes }) => inflightBytes,
  },
  {
    name: "rstore_rpc_inflight_max_bytes",
    help: "Bytes of requests and answers that may be under way on the client port.",
    type: "gauge",
    read: ({ limits }) => limits.inflightMaxBytes,
  },
  {
    name: "rstore_rpc_connections",
    help: "Connections to the client port.",
    type: "gauge",
    read: ({ connections }) => connections,
  },
  {
    name: "rstore_rpc_connections_max",
    help: "Connections to the client port that there may be.",
    type: "gauge",
    read: ({ limits }) => limits.connectionsMax,
  },
];

/** Connect's codes, and ok. */
export const rpcCodes = [
  "ok",
  "canceled",
  "unknown",
  "invalid_argument",
  "deadline_exceeded",
  "not_found",
  "already_exists",
  "permission_denied",
  "resource_exhausted",
  "failed_precondition",
  "aborted",
  "out_of_range",
  "unimplemented",
  "internal",
  "unavailable",
  "data_loss",
  "unauthenticated",
] as const;

const requestBucketsSeconds = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];

export const apiCounted = {
  requests: {
    name: "rstore_rpc_requests_total",
    help: "Requests answered on the client port, by service, method and code. The service plain is for curl. canceled: the caller was gone; deadline_exceeded: also when it had waited for half of its time.",
    type: "counter",
    labels: { service: "method", method: "method", code: rpcCodes },
  },
  requestDuration: {
    name: "rstore_rpc_request_duration_seconds",
    help: "Time from a request's headers to its answer, by service and method.",
    type: "histogram",
    labels: { service: "method", method: "method" },
    buckets: requestBucketsSeconds,
  },
  batchOperations: {
    name: "rstore_rpc_batch_operations",
    help: "Operations in one call of KvService.Batch.",
    type: "histogram",
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096],
  },
  connectionsRefused: {
    name: "rstore_rpc_connections_refused_total",
    help: "Connections to the client port that were closed because there were too many.",
    type: "counter",
  },
  requestsCutOff: {
    name: "rstore_rpc_requests_cut_off_total",
    help: "Requests that were ended because their body did not come or their answer was not taken.",
    type: "counter",
  },
  proposalsCommitted: {
    name: "rstore_raft_proposals_committed_total",
    help: "Writes of this replica's clients that were committed.",
    type: "counter",
  },
  proposalsFailed: {
    name: "rstore_raft_proposals_failed_total",
    help: "Writes of this replica's clients that failed, by reason; outcome-unknown: they may have been applied.",
    type: "counter",
    labels: { reason: writeFailureReasons },
  },
} as const satisfies Record<string, CountedDefinition>;

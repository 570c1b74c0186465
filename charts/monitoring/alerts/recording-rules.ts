import type { Timing } from "../timing.ts";
import type { RecordingRule } from "./alert.ts";
import { byReplica, byStore } from "./series.ts";

/** Answers by which the store, not its caller, fails. */
export const failureCodes = "unavailable|internal|deadline_exceeded|unknown|data_loss";

/** What applications call; health checks and the operator's calls are another matter. */
const forKeys = 'service=~"rstore.v1.KvService|plain"';

/** Reasons of failed writes that are not the caller's doing. */
export const failureReasons =
  "not-leader|no-leader|no-quorum|deadline-exceeded|outcome-unknown|not-ready|internal|other";

/** Histograms of which the alerts and the Fleet dashboard want quantiles. */
const distributions: readonly { readonly metric: string; readonly level: "store" | "replica" }[] = [
  { metric: "rstore_raft_commit_duration_seconds", level: "store" },
  { metric: "rstore_raft_apply_duration_seconds", level: "replica" },
  { metric: "rstore_storage_log_flush_duration_seconds", level: "replica" },
  { metric: "rstore_storage_store_flush_duration_seconds", level: "replica" },
  { metric: "rstore_process_event_loop_delay_seconds", level: "replica" },
];

function quantileRules(timing: Timing): RecordingRule[] {
  const window = timing.duration("5m");
  return distributions.map(({ metric, level }) => {
    const labels = level === "store" ? "namespace, store" : "namespace, store, replica";
    return {
      record: `${level}:${metric}:p99`,
      expr: `histogram_quantile(0.99, sum by (${labels}, le) (rate(${metric}_bucket[${window}])))`,
    };
  });
}

export function recordingRules(timing: Timing): RecordingRule[] {
  const window = timing.duration("5m");
  return [
    {
      record: "store:rstore_rpc_requests:rate5m",
      expr: `sum ${byStore} (rate(rstore_rpc_requests_total{${forKeys}}[${window}]))`,
    },
    {
      record: "store:rstore_rpc_request_failures:ratio_rate5m",
      expr:
        `sum ${byStore} (rate(rstore_rpc_requests_total{${forKeys},code=~"${failureCodes}"}[${window}])) ` +
        `/ (store:rstore_rpc_requests:rate5m > 0)`,
    },
    {
      record: "store:rstore_rpc_request_duration_seconds:p99",
      expr: `histogram_quantile(0.99, sum by (namespace, store, le) (rate(rstore_rpc_request_duration_seconds_bucket{${forKeys}}[${window}])))`,
    },
    {
      record: "store:rstore_raft_proposals_failed:ratio_rate5m",
      expr:
        `sum ${byStore} (rate(rstore_raft_proposals_failed_total{reason=~"${failureReasons}"}[${window}])) / ` +
        `((sum ${byStore} (rate(rstore_raft_proposals_committed_total[${window}])) + ` +
        `sum ${byStore} (rate(rstore_raft_proposals_failed_total{reason=~"${failureReasons}"}[${window}]))) > 0)`,
    },
    {
      record: "replica:rstore_storage_store_used:ratio",
      expr: `max ${byReplica} (rstore_storage_store_used_bytes / rstore_storage_store_quota_bytes)`,
    },
    {
      record: "replica:rstore_storage_disk_used:ratio",
      expr: `1 - min ${byReplica} (rstore_storage_disk_available_bytes / rstore_storage_disk_size_bytes)`,
    },
    ...quantileRules(timing),
  ];
}

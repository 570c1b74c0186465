import type { RowSpec } from "./panel-spec.ts";
import { timeSeries, worseFrom } from "./panels.ts";
import { mean, one, quantiles, rate } from "./queries.ts";
import { inReplicas, inStore } from "./variables.ts";

const noRequests = "No requests.";
const noWrites = "Nothing was written.";

export function trafficRow(): RowSpec {
  return {
    title: "Traffic",
    panels: [
      timeSeries({
        title: "Requests by method",
        description: "Requests answered each second. plain: the routes for curl.",
        noData: noRequests,
        unit: "reqps",
        stacked: true,
        queries: one(rate("rstore_rpc_requests_total", "service, method"), "{{service}}/{{method}}"),
      }),
      timeSeries({
        title: "Answers by code",
        description:
          "All but ok is worth a look: unavailable and deadline_exceeded are the store's doing, resource_exhausted is a limit or the quota.",
        noData: noRequests,
        unit: "reqps",
        queries: one(rate("rstore_rpc_requests_total", "code"), "{{code}}"),
      }),
      timeSeries({
        title: "Requests by replica",
        description: "Which replicas clients talk to. Followers pass writes on to the leader.",
        noData: noRequests,
        unit: "reqps",
        queries: one(rate("rstore_rpc_requests_total", "replica"), "{{replica}}"),
      }),
      timeSeries({
        title: "Writes",
        description:
          "Writes of this store's clients that were committed, and that failed, by reason. compare-failed and invalid-argument are the callers' own; outcome-unknown may have been applied.",
        noData: noWrites,
        unit: "ops",
        queries: [
          { expr: rate("rstore_raft_proposals_committed_total", "store"), legend: "committed" },
          {
            expr: `${rate("rstore_raft_proposals_failed_total", "reason")} > 0`,
            legend: "failed: {{reason}}",
          },
        ],
      }),
      timeSeries({
        title: "Requests under way",
        description:
          "As part of the requests that may be under way at once; at 100 % more of them are refused.",
        noData: "No replica is scraped.",
        unit: "percentunit",
        min: 0,
        queries: [
          {
            expr: `max by (replica) (rstore_rpc_inflight_requests{${inReplicas}} / rstore_rpc_inflight_requests_max{${inReplicas}})`,
            legend: "{{replica}} requests",
          },
          {
            expr: `max by (replica) (rstore_rpc_inflight_bytes{${inReplicas}} / rstore_rpc_inflight_max_bytes{${inReplicas}})`,
            legend: "{{replica}} bytes",
          },
        ],
      }),
      timeSeries({
        title: "Connections",
        description: "Connections to the client ports, and those that were refused or cut off each second.",
        noData: "No replica is scraped.",
        unit: "short",
        min: 0,
        queries: [
          { expr: `rstore_rpc_connections{${inReplicas}}`, legend: "{{replica}}" },
          { expr: rate("rstore_rpc_connections_refused_total", "store"), legend: "refused each second" },
          { expr: rate("rstore_rpc_requests_cut_off_total", "store"), legend: "cut off each second" },
        ],
      }),
      timeSeries({
        title: "Batches",
        description:
          "How much is done at once: operations in one Batch call, operations that share an entry, entries that share a flush. Under load these grow, which is what keeps latency low.",
        noData: noWrites,
        unit: "short",
        width: 12,
        queries: [
          { expr: mean("rstore_rpc_batch_operations", "store"), legend: "operations of a Batch call" },
          { expr: mean("rstore_raft_entry_operations", "store"), legend: "operations of an entry" },
          { expr: mean("rstore_storage_log_flush_entries", "store"), legend: "entries of a flush" },
        ],
      }),
      timeSeries({
        title: "Size of entries",
        description: "The mean size of the entries that the leader proposed.",
        noData: noWrites,
        unit: "bytes",
        width: 12,
        queries: one(mean("rstore_raft_entry_bytes", "store"), "bytes of an entry"),
      }),
    ],
  };
}

export function latencyRow(): RowSpec {
  return {
    title: "Latency: where the time goes",
    panels: [
      timeSeries({
        title: "Requests, half of them",
        description: "The median from a request's headers to its answer, by method.",
        noData: noRequests,
        unit: "s",
        queries: quantiles("rstore_rpc_request_duration_seconds", "method").slice(0, 1),
      }),
      timeSeries({
        title: "Requests, slowest of a hundred",
        description:
          "The 99th percentile, by method. Compare it with the stages of a write to the right and below.",
        noData: noRequests,
        unit: "s",
        queries: quantiles("rstore_rpc_request_duration_seconds", "method").slice(1),
      }),
      timeSeries({
        title: "Commit",
        description:
          "From proposing an entry on the leader until it is committed and applied: the log flush of a majority, and a round trip.",
        noData: noWrites,
        unit: "s",
        queries: quantiles("rstore_raft_commit_duration_seconds", "store", inStore),
      }),
      timeSeries({
        title: "Log flush",
        description:
          "Until what was given to the log is durable, by replica. One slow disk is outvoted; a majority of them, or the leader's, slows down writes.",
        noData: noWrites,
        unit: "s",
        queries: quantiles("rstore_storage_log_flush_duration_seconds", "replica").slice(1),
      }),
      timeSeries({
        title: "Round trip between members",
        description: "The last round trip to each peer.",
        noData: "No connections between members.",
        unit: "s",
        queries: one(
          `max by (replica, peer_name) (rstore_peer_round_trip_seconds{${inReplicas}})`,
          "{{replica}} to {{peer_name}}",
        ),
      }),
      timeSeries({
        title: "Apply",
        description: "Time that applying one committed entry takes; the process does nothing else meanwhile.",
        noData: noWrites,
        unit: "s",
        queries: quantiles("rstore_raft_apply_duration_seconds", "replica").slice(1),
      }),
      timeSeries({
        title: "Read index",
        description:
          "From asking for a read index until it is applied and the reads are served: a round trip to a majority.",
        noData: "No linearizable reads.",
        unit: "s",
        queries: quantiles("rstore_raft_read_index_duration_seconds", "replica").slice(1),
      }),
      timeSeries({
        title: "Event loop, late",
        description:
          "How late timers are, in the worst of a hundred cases: what a process that is short of CPU, or blocked, looks like.",
        noData: "No replica is scraped.",
        unit: "s",
        steps: worseFrom([[0.25, "red"]]),
        queries: quantiles("rstore_process_event_loop_delay_seconds", "replica").slice(1),
      }),
      timeSeries({
        title: "Event loop, busy",
        description:
          "Part of one core that the event loop uses. Near 100 % the replica can't take more load.",
        noData: "No replica is scraped.",
        unit: "percentunit",
        min: 0,
        max: 1,
        queries: one(rate("rstore_process_event_loop_active_seconds_total", "replica"), "{{replica}}"),
      }),
    ],
  };
}

import type { RowSpec } from "./panel-spec.ts";
import { timeSeries } from "./panels.ts";
import { one, rate } from "./queries.ts";
import { inReplicas, inStore, window } from "./variables.ts";

const noLeader = "No leader.";

export function consensusRow(): RowSpec {
  return {
    title: "Consensus",
    panels: [
      timeSeries({
        title: "Entries committed",
        description:
          "Entries each second, as each replica knows and applies them. Lines that part: one is behind.",
        noData: "No replica is scraped.",
        unit: "ops",
        queries: [
          {
            expr: `rate(rstore_raft_commit_index{${inReplicas}}[${window}])`,
            legend: "{{replica}} committed",
          },
          {
            expr: `rate(rstore_raft_applied_index{${inReplicas}}[${window}])`,
            legend: "{{replica}} applied",
          },
        ],
      }),
      timeSeries({
        title: "Behind the leader",
        description:
          "Entries of the leader's log that each member has not made durable. Some under load are normal; growth is not.",
        noData: noLeader,
        unit: "short",
        min: 0,
        queries: one(`max by (peer_name) (rstore_raft_peer_lag_entries{${inStore}})`, "{{peer_name}}"),
      }),
      timeSeries({
        title: "How the leader sends",
        description:
          "Members by state: replicate is normal, probe looks for where the logs agree, snapshot: the member is behind the log.",
        noData: noLeader,
        unit: "short",
        min: 0,
        stacked: true,
        queries: one(`sum by (state) (rstore_raft_peer_state{${inStore}})`, "{{state}}"),
      }),
      timeSeries({
        title: "Term",
        description: "Each election begins a new one. A replica on an older term is cut off.",
        noData: "No replica is scraped.",
        unit: "short",
        decimals: 0,
        queries: one(`rstore_raft_term{${inReplicas}}`, "{{replica}}"),
      }),
      timeSeries({
        title: "Elections and leader changes",
        description:
          "Within five minutes, by replica. Pre-votes without elections: a replica does not hear the leader, the others do.",
        noData: "No replica is scraped.",
        unit: "short",
        min: 0,
        queries: [
          {
            expr: `max(increase(rstore_raft_leader_changes_total{${inReplicas}}[5m]))`,
            legend: "leader changes",
          },
          {
            expr: `increase(rstore_raft_elections_started_total{${inReplicas}}[5m])`,
            legend: "{{replica}} elections",
          },
          {
            expr: `increase(rstore_raft_pre_votes_started_total{${inReplicas}}[5m])`,
            legend: "{{replica}} pre-votes",
          },
        ],
      }),
      timeSeries({
        title: "Waiting",
        description: "Writes and linearizable reads that wait for consensus at the moment of the scrape.",
        noData: "No replica is scraped.",
        unit: "short",
        min: 0,
        queries: [
          { expr: `rstore_raft_proposals_pending{${inReplicas}}`, legend: "{{replica}} writes" },
          { expr: `rstore_raft_reads_pending{${inReplicas}}`, legend: "{{replica}} reads" },
        ],
      }),
      timeSeries({
        title: "Read-index rounds",
        description:
          "Rounds in which replicas ask for a read index; reads that wait at the same time share one.",
        noData: "No linearizable reads.",
        unit: "ops",
        width: 12,
        queries: [
          { expr: rate("rstore_raft_read_index_rounds_total", "replica"), legend: "{{replica}}" },
          {
            expr: rate("rstore_raft_read_index_failures_total", "reason"),
            legend: "failed: {{reason}}",
          },
        ],
      }),
      timeSeries({
        title: "On the way to members",
        description: "Bytes of entries that were sent and not acknowledged yet.",
        noData: noLeader,
        unit: "bytes",
        width: 12,
        min: 0,
        queries: one(`max by (peer_name) (rstore_raft_peer_inflight_bytes{${inStore}})`, "{{peer_name}}"),
      }),
    ],
  };
}

export function networkRow(): RowSpec {
  return {
    title: "Between members",
    collapsed: true,
    panels: [
      timeSeries({
        title: "Bytes between members",
        description:
          "Sent above the axis, received below it, by stream. snapshot: a member is behind the log.",
        noData: "No connections between members.",
        unit: "Bps",
        width: 12,
        queries: [
          { expr: rate("rstore_peer_sent_bytes_total", "stream"), legend: "{{stream}} sent" },
          {
            expr: rate("rstore_peer_received_bytes_total", "stream"),
            legend: "{{stream}} received",
            negative: true,
          },
        ],
      }),
      timeSeries({
        title: "Messages",
        description: "Sent above the axis, received below it, by kind.",
        noData: "No connections between members.",
        unit: "ops",
        width: 12,
        queries: [
          { expr: rate("rstore_peer_sent_messages_total", "kind"), legend: "{{kind}} sent" },
          {
            expr: rate("rstore_peer_received_messages_total", "kind"),
            legend: "{{kind}} received",
            negative: true,
          },
        ],
      }),
      timeSeries({
        title: "Queues",
        description: "Bytes that wait to be sent, by peer. They grow when the network or the peer is slow.",
        noData: "No connections between members.",
        unit: "bytes",
        queries: one(
          `sum by (replica, peer_name) (rstore_peer_queued_bytes{${inReplicas}})`,
          "{{replica}} to {{peer_name}}",
        ),
      }),
      timeSeries({
        title: "Connections between members",
        description:
          "1 while there is a connection to the peer, and connections that were lost within five minutes.",
        noData: "No members but this one.",
        unit: "short",
        min: 0,
        queries: [
          {
            expr: `max by (replica, peer_name) (rstore_peer_connected{${inReplicas}})`,
            legend: "{{replica}} to {{peer_name}}",
          },
          {
            expr: `sum by (replica, peer_name) (increase(rstore_peer_disconnects_total{${inReplicas}}[5m]))`,
            legend: "{{replica}} to {{peer_name}} lost",
          },
        ],
      }),
      timeSeries({
        title: "Dropped and refused",
        description:
          "Messages that were dropped because there was no connection or its queue was full, and streams that were refused, by reason.",
        noData: "Nothing was dropped or refused.",
        unit: "ops",
        queries: [
          {
            expr: rate("rstore_peer_dropped_messages_total", "replica"),
            legend: "{{replica}} dropped",
          },
          {
            expr: rate("rstore_peer_refused_total", "reason"),
            legend: "refused: {{reason}}",
          },
          {
            expr: rate("rstore_peer_refusals_received_total", "reason"),
            legend: "was refused: {{reason}}",
          },
        ],
      }),
    ],
  };
}

import type { RowSpec } from "./panel-spec.ts";
import { stateTimeline, timeSeries } from "./panels.ts";
import { one, quantiles } from "./queries.ts";
import { inReplicas, window } from "./variables.ts";

const notScraped = "No replica is scraped.";

export function diskRow(): RowSpec {
  return {
    title: "Disk",
    panels: [
      timeSeries({
        title: "Quota used",
        description:
          "At 100 % puts are refused; deletes and compaction are not. Free pages inside the file don't count.",
        noData: notScraped,
        unit: "percentunit",
        min: 0,
        queries: one(
          `rstore_storage_store_used_bytes{${inReplicas}} / rstore_storage_store_quota_bytes{${inReplicas}}`,
          "{{replica}}",
        ),
      }),
      timeSeries({
        title: "Quota in a day",
        description: "What part of the quota is used in a day if the store grows as in the last three hours.",
        noData: notScraped,
        unit: "percentunit",
        min: 0,
        queries: one(
          `max by (replica) (predict_linear(rstore_storage_store_used_bytes{${inReplicas}}[3h], 86400) / rstore_storage_store_quota_bytes{${inReplicas}})`,
          "{{replica}}",
        ),
      }),
      timeSeries({
        title: "Disk free",
        description: "Of the volume of the data directory, whoever fills it.",
        noData: notScraped,
        unit: "bytes",
        min: 0,
        queries: one(`rstore_storage_disk_available_bytes{${inReplicas}}`, "{{replica}}"),
      }),
      stateTimeline({
        title: "What the disk allows",
        description:
          "low: puts are refused (a used quota is not meant). full: the reserve was given up so that the log can go on for a while.",
        noData: notScraped,
        values: [
          { value: 0, text: "ok", tone: "green" },
          { value: 1, text: "low", tone: "orange" },
          { value: 2, text: "full", tone: "red" },
        ],
        queries: [
          {
            expr:
              `max by (replica) (rstore_replica_problem{${inReplicas},kind="disk-low"}) + ` +
              `2 * max by (replica) (rstore_replica_problem{${inReplicas},kind="disk-full"})`,
            legend: "{{replica}}",
          },
        ],
      }),
      stateTimeline({
        title: "Reserve",
        description: "Whether the file is there that is given up when the disk is full.",
        noData: notScraped,
        values: [
          { value: 0, text: "given up", tone: "red" },
          { value: 1, text: "held", tone: "green" },
        ],
        queries: one(`rstore_storage_disk_reserve_held{${inReplicas}}`, "{{replica}}"),
      }),
      timeSeries({
        title: "Write under way",
        description:
          "How long the oldest write to the log has been under way. It grows while a disk stands still; after 30 s the replica ends.",
        noData: notScraped,
        unit: "s",
        min: 0,
        queries: one(`rstore_storage_log_flush_under_way_seconds{${inReplicas}}`, "{{replica}}"),
      }),
      timeSeries({
        title: "Flushes",
        description: "Durable transactions each second: of the log many, of the store few and large.",
        noData: "Nothing was written.",
        unit: "ops",
        queries: [
          {
            expr: `rate(rstore_storage_log_flush_duration_seconds_count{${inReplicas}}[${window}])`,
            legend: "{{replica}} log",
          },
          {
            expr: `rate(rstore_storage_store_flush_duration_seconds_count{${inReplicas}}[${window}])`,
            legend: "{{replica}} store",
          },
        ],
      }),
      timeSeries({
        title: "Store flush",
        description: "Time of the large transactions in which applied changes go to the store on disk.",
        noData: "Nothing was written to the store.",
        unit: "s",
        queries: quantiles("rstore_storage_store_flush_duration_seconds", "replica").slice(1),
      }),
      timeSeries({
        title: "Log",
        description: "Bytes of the entries in the log, and of the pages that they take up.",
        noData: notScraped,
        unit: "bytes",
        min: 0,
        queries: [
          { expr: `rstore_storage_log_entry_bytes{${inReplicas}}`, legend: "{{replica}} entries" },
          { expr: `rstore_storage_log_used_bytes{${inReplicas}}`, legend: "{{replica}} used" },
        ],
      }),
      timeSeries({
        title: "Entries in the log",
        description: "A member that is further behind than this needs a snapshot.",
        noData: notScraped,
        unit: "short",
        min: 0,
        queries: one(`rstore_storage_log_entries{${inReplicas}}`, "{{replica}}"),
      }),
      timeSeries({
        title: "Free pages",
        description: "Bytes inside the files that are used again before the files grow.",
        noData: notScraped,
        unit: "bytes",
        min: 0,
        queries: [
          { expr: `rstore_storage_store_free_bytes{${inReplicas}}`, legend: "{{replica}} store" },
          { expr: `rstore_storage_log_free_bytes{${inReplicas}}`, legend: "{{replica}} log" },
        ],
      }),
      timeSeries({
        title: "Not on disk yet",
        description:
          "Bytes of changes that are applied in memory and not yet in the store on disk; the log has them.",
        noData: notScraped,
        unit: "bytes",
        min: 0,
        queries: one(`rstore_storage_overlay_bytes{${inReplicas}}`, "{{replica}}"),
      }),
    ],
  };
}

export function snapshotRow(): RowSpec {
  const none = "No member needed a snapshot.";
  return {
    title: "Snapshots",
    collapsed: true,
    panels: [
      timeSeries({
        title: "Snapshots",
        description: "Sent and installed within five minutes, by how it ended.",
        noData: none,
        unit: "short",
        min: 0,
        queries: [
          {
            expr: `sum by (replica, result) (increase(rstore_snapshot_sends_total{${inReplicas}}[5m]))`,
            legend: "{{replica}} sent: {{result}}",
          },
          {
            expr: `sum by (replica, result) (increase(rstore_snapshot_installs_total{${inReplicas}}[5m]))`,
            legend: "{{replica}} installed: {{result}}",
          },
        ],
      }),
      timeSeries({
        title: "Snapshots under way",
        description: "Members that were offered a snapshot, and those that fetch or install one.",
        noData: notScraped,
        unit: "short",
        min: 0,
        queries: [
          { expr: `rstore_snapshot_sends_under_way{${inReplicas}}`, legend: "{{replica}} sends" },
          { expr: `rstore_snapshot_receiving{${inReplicas}}`, legend: "{{replica}} receives" },
        ],
      }),
      timeSeries({
        title: "Snapshot bytes",
        description: "Sent above the axis, received below it.",
        noData: none,
        unit: "Bps",
        queries: [
          {
            expr: `rate(rstore_snapshot_sent_bytes_total{${inReplicas}}[${window}])`,
            legend: "{{replica}} sent",
          },
          {
            expr: `rate(rstore_snapshot_received_bytes_total{${inReplicas}}[${window}])`,
            legend: "{{replica}} received",
            negative: true,
          },
        ],
      }),
      timeSeries({
        title: "Time of snapshots",
        description:
          "The longest of a hundred: making the copy, sending it, fetching it, putting it in place.",
        noData: none,
        unit: "s",
        width: 24,
        queries: ["create", "send", "fetch", "install"].map((stage) => ({
          expr: `histogram_quantile(0.99, sum by (le) (rate(rstore_snapshot_${stage}_duration_seconds_bucket{${inReplicas}}[${window}])))`,
          legend: stage,
        })),
      }),
    ],
  };
}

export function compactionRow(): RowSpec {
  return {
    title: "History",
    collapsed: true,
    panels: [
      timeSeries({
        title: "Revisions kept",
        description:
          "Revisions of the store that can still be read. Without compaction this and the disk only grow.",
        noData: notScraped,
        unit: "short",
        min: 0,
        queries: one(
          `rstore_store_revision{${inReplicas}} - rstore_store_compacted_revision{${inReplicas}}`,
          "{{replica}}",
        ),
      }),
      timeSeries({
        title: "Compactions",
        description: "Within an hour, and whether one is being carried out.",
        noData: notScraped,
        unit: "short",
        min: 0,
        queries: [
          { expr: `increase(rstore_store_compactions_total{${inReplicas}}[1h])`, legend: "{{replica}}" },
          { expr: `rstore_store_compaction_pending{${inReplicas}}`, legend: "{{replica}} under way" },
        ],
      }),
      timeSeries({
        title: "Verified in the background",
        description:
          "Records of the store whose checksums were verified, and passes over the whole store in a day.",
        noData: notScraped,
        unit: "short",
        min: 0,
        queries: [
          {
            expr: `rate(rstore_storage_scrubbed_records_total{${inReplicas}}[${window}])`,
            legend: "{{replica}} records/s",
          },
          {
            expr: `increase(rstore_storage_scrub_passes_total{${inReplicas}}[1d])`,
            legend: "{{replica}} passes",
          },
        ],
      }),
    ],
  };
}

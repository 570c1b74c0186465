import { type CountedDefinition, flag, type ScrapedDefinition } from "../definition.ts";
import type { ReplicaReading } from "../reading.ts";

export const snapshotsScraped: readonly ScrapedDefinition<ReplicaReading>[] = [
  {
    name: "rstore_snapshot_sends_under_way",
    help: "Members that were offered a snapshot and have not read all of it.",
    type: "gauge",
    read: ({ member }) => member?.snapshotsSending ?? 0,
  },
  {
    name: "rstore_snapshot_receiving",
    help: "1 while this member fetches or installs a snapshot.",
    type: "gauge",
    read: ({ member, problems }) =>
      flag(member?.snapshotReceiving === true || problems.includes("store-lost")),
  },
];

const secondsBuckets = [0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600, 1800];
const results = ["ok", "failed"] as const;

export const snapshotsCounted = {
  snapshotCreateDuration: {
    name: "rstore_snapshot_create_duration_seconds",
    help: "Time to make a copy of the store for members that are behind the log.",
    type: "histogram",
    buckets: secondsBuckets,
  },
  snapshotSends: {
    name: "rstore_snapshot_sends_total",
    help: "Snapshots that members were offered, by how it ended; what failed is offered again.",
    type: "counter",
    labels: { result: results },
  },
  snapshotSendDuration: {
    name: "rstore_snapshot_send_duration_seconds",
    help: "Time from offering a snapshot until the other member has read all of it.",
    type: "histogram",
    buckets: secondsBuckets,
  },
  snapshotSentBytes: {
    name: "rstore_snapshot_sent_bytes_total",
    help: "Bytes of snapshots that other members have fetched here.",
    type: "counter",
  },
  snapshotReceivedBytes: {
    name: "rstore_snapshot_received_bytes_total",
    help: "Bytes of snapshots that this member has fetched.",
    type: "counter",
  },
  snapshotFetchDuration: {
    name: "rstore_snapshot_fetch_duration_seconds",
    help: "Time from the offer of a snapshot until it is here whole and verified.",
    type: "histogram",
    buckets: secondsBuckets,
  },
  snapshotInstalls: {
    name: "rstore_snapshot_installs_total",
    help: "Snapshots that this member was offered and took, by how it ended.",
    type: "counter",
    labels: { result: results },
  },
  snapshotInstallDuration: {
    name: "rstore_snapshot_install_duration_seconds",
    help: "Time to put a snapshot that is here in the place of the store.",
    type: "histogram",
    buckets: secondsBuckets,
  },
} as const satisfies Record<string, CountedDefinition>;

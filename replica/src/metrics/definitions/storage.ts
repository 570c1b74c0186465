import { type CountedDefinition, flag, type ScrapedDefinition, stateSamples } from "../definition.ts";
import { diskStates, type ReplicaReading } from "../reading.ts";

export const storageScraped: readonly ScrapedDefinition<ReplicaReading>[] = [
  {
    name: "rstore_storage_log_entries",
    help: "Entries in the log.",
    type: "gauge",
    read: ({ status }) => Number(status.lastIndex - status.firstIndex + 1n),
  },
  {
    name: "rstore_storage_log_entry_bytes",
    help: "Bytes of the entries in the log.",
    type: "gauge",
    read: ({ disk }) => disk.logEntryBytes,
  },
  {
    name: "rstore_storage_log_used_bytes",
    help: "Bytes of the pages that the log uses.",
    type: "gauge",
    read: ({ status }) => status.logBytesUsed,
  },
  {
    name: "rstore_storage_log_free_bytes",
    help: "Bytes of pages in the log's file that are free to be used again.",
    type: "gauge",
    read: ({ disk }) => disk.logFreeBytes,
  },
  {
    name: "rstore_storage_store_used_bytes",
    help: "Bytes of the pages that the store uses; the quota counts these.",
    type: "gauge",
    read: ({ status }) => status.storeBytesUsed,
  },
  {
    name: "rstore_storage_store_free_bytes",
    help: "Bytes of pages in the store's file that are free to be used again.",
    type: "gauge",
    read: ({ disk }) => disk.storeFreeBytes,
  },
  {
    name: "rstore_storage_store_quota_bytes",
    help: "Bytes that the store may use; beyond them puts are refused.",
    type: "gauge",
    read: ({ status }) => status.storeBytesQuota,
  },
  {
    name: "rstore_storage_overlay_bytes",
    help: "Bytes of changes that are applied in memory and not yet in the store on disk.",
    type: "gauge",
    read: ({ member }) => member?.overlayBytes ?? 0,
  },
  {
    name: "rstore_storage_disk_available_bytes",
    help: "Bytes that are free on the disk of the data directory.",
    type: "gauge",
    read: ({ disk }) => disk.availableBytes,
  },
  {
    name: "rstore_storage_disk_size_bytes",
    help: "Size of the disk of the data directory.",
    type: "gauge",
    read: ({ disk }) => disk.sizeBytes,
  },
  {
    name: "rstore_storage_disk_state",
    help: "1 for what may be written: ok (everything), low (no puts), full (the reserve was given up).",
    type: "gauge",
    labels: { state: diskStates },
    read: ({ disk }) => stateSamples("state", diskStates, (state) => state === disk.state),
  },
  {
    name: "rstore_storage_disk_reserve_held",
    help: "1 while the file is there that is given up when the disk is full.",
    type: "gauge",
    read: ({ disk }) => flag(disk.hasReserve),
  },
  {
    name: "rstore_storage_log_flush_under_way_seconds",
    help: "How long the oldest write to the log has been under way; 0: none is. It grows while a disk stands still.",
    type: "gauge",
    read: ({ member }) => member?.logFlushUnderWaySeconds ?? 0,
  },
];

/** From 0.1 ms, a commit on a fast disk, to the 30 s after which a disk is given up. */
const flushBucketsSeconds = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];

export const storageCounted = {
  logFlushDuration: {
    name: "rstore_storage_log_flush_duration_seconds",
    help: "Time until what was given to the log is durable, with the wait for the flush before it.",
    type: "histogram",
    buckets: flushBucketsSeconds,
  },
  logFlushEntries: {
    name: "rstore_storage_log_flush_entries",
    help: "Entries that become durable in one transaction of the log.",
    type: "histogram",
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
  },
  storeFlushDuration: {
    name: "rstore_storage_store_flush_duration_seconds",
    help: "Time of a durable transaction of the store.",
    type: "histogram",
    buckets: flushBucketsSeconds,
  },
  scrubbedRecords: {
    name: "rstore_storage_scrubbed_records_total",
    help: "Records of the store whose checksums were verified in the background.",
    type: "counter",
  },
  scrubPasses: {
    name: "rstore_storage_scrub_passes_total",
    help: "Times that the whole store was verified in the background.",
    type: "counter",
  },
} as const satisfies Record<string, CountedDefinition>;

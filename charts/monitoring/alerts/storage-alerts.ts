import type { Timing } from "../timing.ts";
import type { Alert } from "./alert.ts";
import { aReplica, byReplica, byStore, histogram, replicaLabels, testReplica } from "./series.ts";

const gi = 1024 ** 3;

export function storageAlerts(timing: Timing): Alert[] {
  return [...stalls(timing), ...speed(timing), ...quota(timing), ...disk(timing)];
}

function flushes(perMinute: Readonly<Record<string, number>>): Record<string, string> {
  return histogram("rstore_storage_log_flush_duration_seconds", testReplica(0), perMinute);
}

function storeFlushes(perMinute: Readonly<Record<string, number>>): Record<string, string> {
  return histogram("rstore_storage_store_flush_duration_seconds", testReplica(0), perMinute);
}

function applies(perMinute: Readonly<Record<string, number>>): Record<string, string> {
  return histogram("rstore_raft_apply_duration_seconds", testReplica(0), perMinute);
}

function stalls(timing: Timing): Alert[] {
  const window = timing.duration("10m");
  // The process ends before an instant value is sure to be seen.
  const longest = `max ${byReplica} (max_over_time(rstore_storage_log_flush_under_way_seconds[${window}]))`;
  const led = `max ${byReplica} (max_over_time(rstore_raft_is_leader[${window}])) == 1`;
  const felt =
    `${longest} > 15 ` +
    `or ${longest} > 5 and on (namespace, store, replica) ${led} ` +
    `or ${longest} > 5 and on (namespace, store) count ${byStore} (${longest} > 5) > 1`;
  const underWay = (values: string, slot = 0) => ({
    [`rstore_storage_log_flush_under_way_seconds{${testReplica(slot)}}`]: values,
  });
  const leads = (values: string) => ({ [`rstore_raft_is_leader{${testReplica(0)}}`]: values });
  const summary = "The disk of {{ $labels.namespace }}/{{ $labels.replica }} stands still";
  const says = (seconds: string) =>
    `A write of carts-0 of shop/carts to its log was under way for ${seconds} in the last 10 minutes; after 30s the replica ends.`;
  return [
    {
      name: "RstoreDiskStalled",
      severity: "critical",
      expr: felt,
      summary,
      description:
        `A write of ${aReplica} to its log was under way for {{ $value | humanizeDuration }} in the last ` +
        "10 minutes; after 30s the replica ends.",
      fires: {
        series: underWay("0 0 16 stale _ 0x20"),
        at: "6m",
        labels: replicaLabels(0),
        says: says("16s"),
      },
      alsoFires: [
        {
          // It hands over.
          series: { ...underWay("0 0 12 stale _ 0x20"), ...leads("1 1 1 stale _ 0x20") },
          at: "6m",
          labels: replicaLabels(0),
          says: says("12s"),
        },
      ],
      quiet: { series: underWay("0 0 2"), at: "2m" },
      alsoQuiet: [
        { series: underWay("0 0 20 0x30"), at: "15m" },
        // One follower, and another store's.
        {
          series: {
            ...underWay("0 0 12 0x20"),
            ...leads("0x20"),
            'rstore_storage_log_flush_under_way_seconds{namespace="shop",store="other",replica="other-0"}':
              "12x20",
          },
          at: "6m",
        },
      ],
    },
    {
      name: "RstoreDiskStalledBriefly",
      severity: "warning",
      expr: `${longest} > 5 unless (${felt})`,
      summary,
      description:
        `A write of ${aReplica}, which does not lead, to its log was under way for ` +
        "{{ $value | humanizeDuration }} in the last 10 minutes.",
      fires: {
        series: { ...underWay("0 0 6 0x20"), ...leads("0x20") },
        at: "6m",
        labels: replicaLabels(0),
        says: "A write of carts-0 of shop/carts, which does not lead, to its log was under way for 6s in the last 10 minutes.",
      },
      quiet: { series: underWay("0 0 4 0x20"), at: "6m" },
      alsoQuiet: [
        { series: { ...underWay("0 0 6 0x20"), ...leads("1x20") }, at: "6m" },
        // Two disks.
        { series: { ...underWay("0 0 6 0x20"), ...underWay("0 0 0 12 0x20", 1) }, at: "6m" },
      ],
    },
  ];
}

function speed(timing: Timing): Alert[] {
  return [
    {
      name: "RstoreLogFlushSlow",
      severity: "warning",
      expr: "replica:rstore_storage_log_flush_duration_seconds:p99 > 0.1",
      for: timing.duration("10m"),
      summary: "The disk of {{ $labels.namespace }}/{{ $labels.replica }} is slow",
      description:
        `One in a hundred writes of ${aReplica} to its log takes {{ $value | humanizeDuration }} or ` +
        "longer to be durable.",
      fires: {
        series: flushes({ "0.01": 90, "0.25": 0, "0.5": 10 }),
        at: "30m",
        labels: replicaLabels(0),
        says: "One in a hundred writes of carts-0 of shop/carts to its log takes 475ms or longer to be durable.",
      },
      quiet: { series: flushes({ "0.01": 90, "0.1": 10, "0.25": 0 }), at: "30m" },
    },
    {
      name: "RstoreStoreFlushSlow",
      severity: "warning",
      expr: "replica:rstore_storage_store_flush_duration_seconds:p99 > 5",
      for: timing.duration("15m"),
      summary: "{{ $labels.namespace }}/{{ $labels.replica }} writes its store slowly",
      description:
        `One in a hundred transactions in which ${aReplica} writes its store takes ` +
        "{{ $value | humanizeDuration }} or longer.",
      fires: {
        series: storeFlushes({ "1": 5, "5": 0, "10": 5 }),
        at: "30m",
        labels: replicaLabels(0),
        says: "One in a hundred transactions in which carts-0 of shop/carts writes its store takes 9.9s or longer.",
      },
      quiet: { series: storeFlushes({ "1": 5, "5": 5, "10": 0 }), at: "30m" },
    },
    {
      name: "RstoreApplySlow",
      severity: "warning",
      expr: "replica:rstore_raft_apply_duration_seconds:p99 > 0.05",
      for: timing.duration("10m"),
      summary: "{{ $labels.namespace }}/{{ $labels.replica }} applies entries slowly",
      description:
        `One in a hundred entries takes ${aReplica} {{ $value | humanizeDuration }} or longer to apply; ` +
        "nothing else happens in its process meanwhile.",
      fires: {
        series: applies({ "0.001": 90, "0.1": 0, "0.25": 10 }),
        at: "30m",
        labels: replicaLabels(0),
        says: "One in a hundred entries takes carts-0 of shop/carts 235ms or longer to apply; nothing else happens in its process meanwhile.",
      },
      quiet: { series: applies({ "0.001": 90, "0.05": 10, "0.1": 0 }), at: "30m" },
    },
  ];
}

function quota(timing: Timing): Alert[] {
  const used = (values: string) => ({
    [`rstore_storage_store_used_bytes{${testReplica(0)}}`]: values,
    [`rstore_storage_store_quota_bytes{${testReplica(0)}}`]: `${4 * gi}x600`,
  });
  return [
    {
      name: "RstoreQuotaNearlyUsed",
      severity: "warning",
      expr: "replica:rstore_storage_store_used:ratio > 0.85",
      for: timing.duration("10m"),
      summary: "{{ $labels.namespace }}/{{ $labels.replica }} has used most of its quota",
      description:
        `The store of ${aReplica} uses {{ $value | humanizePercentage }} of its quota; at 100% puts are ` +
        "refused.",
      fires: {
        series: used(`${3.5 * gi}x60`),
        at: "20m",
        labels: replicaLabels(0),
        says: "The store of carts-0 of shop/carts uses 87.5% of its quota; at 100% puts are refused.",
      },
      quiet: { series: used(`${3.25 * gi}x60`), at: "20m" },
    },
    {
      name: "RstoreQuotaExceeded",
      severity: "critical",
      expr: `max ${byReplica} (rstore_replica_problem{kind="quota"}) == 1`,
      for: timing.duration("1m"),
      summary: "{{ $labels.namespace }}/{{ $labels.replica }} is full: puts are refused",
      description: `The store of ${aReplica} has used its quota: puts are refused, deletes and compaction are not.`,
      fires: {
        series: { [`rstore_replica_problem{${testReplica(0)},kind="quota"}`]: "1x30" },
        at: "5m",
        labels: replicaLabels(0),
        says: "The store of carts-0 of shop/carts has used its quota: puts are refused, deletes and compaction are not.",
      },
      quiet: { series: { [`rstore_replica_problem{${testReplica(0)},kind="quota"}`]: "1x3 0x27" }, at: "5m" },
    },
    {
      name: "RstoreQuotaForecast",
      severity: "warning",
      expr:
        `max ${byReplica} (predict_linear(rstore_storage_store_used_bytes[${timing.duration("3h")}], ` +
        `${timing.horizonSeconds("1d")})) / max ${byReplica} (rstore_storage_store_quota_bytes) > 1 ` +
        "and replica:rstore_storage_store_used:ratio > 0.5 " +
        `and max ${byReplica} (deriv(rstore_storage_store_used_bytes[${timing.duration("45m")}])) > 0`,
      // Longer than the short window: a step alone is no growth.
      for: timing.duration("1h"),
      summary: "{{ $labels.namespace }}/{{ $labels.replica }} will have used its quota within a day",
      description:
        `As it grew in the last three hours, the store of ${aReplica} uses ` +
        "{{ $value | humanizePercentage }} of its quota in a day.",
      fires: {
        // 2.4 GiB, and 0.1 GiB more each hour.
        series: used(`${2.4 * gi}+${(0.1 * gi) / 60}x400`),
        at: "5h",
        labels: replicaLabels(0),
        says: "As it grew in the last three hours, the store of carts-0 of shop/carts uses 132.5% of its quota in a day.",
      },
      quiet: { series: used(`${2.4 * gi}+${(0.02 * gi) / 60}x400`), at: "5h" },
      // A step, then flat.
      alsoQuiet: [{ series: used(`${gi}x199 ${3 * gi}x300`), at: "262m" }],
    },
  ];
}

function disk(timing: Timing): Alert[] {
  const available = (values: string) => ({
    [`rstore_storage_disk_available_bytes{${testReplica(0)}}`]: values,
    [`rstore_storage_disk_size_bytes{${testReplica(0)}}`]: `${10 * gi}x600`,
  });
  const problem = (kind: string) => ({
    [`rstore_replica_problem{${testReplica(0)},kind="${kind}"}`]: "1x60",
  });
  return [
    {
      name: "RstoreDiskNearlyFull",
      severity: "warning",
      expr: "replica:rstore_storage_disk_used:ratio > 0.85",
      for: timing.duration("10m"),
      summary: "The disk of {{ $labels.namespace }}/{{ $labels.replica }} is nearly full",
      description: `{{ $value | humanizePercentage }} of the disk of ${aReplica} are used.`,
      fires: {
        series: available(`${gi}x60`),
        at: "20m",
        labels: replicaLabels(0),
        says: "90% of the disk of carts-0 of shop/carts are used.",
      },
      quiet: { series: available(`${2 * gi}x60`), at: "20m" },
    },
    {
      name: "RstoreDiskFull",
      severity: "critical",
      // The state of the disk is low for a used quota, too.
      expr: 'max by (namespace, store, replica, kind) (rstore_replica_problem{kind=~"disk-low|disk-full"}) == 1',
      for: timing.duration("1m"),
      summary:
        "There is no room on the disk of {{ $labels.namespace }}/{{ $labels.replica }}: {{ $labels.kind }}",
      description:
        `${aReplica} reports {{ $labels.kind }}: puts are refused, and when nothing can be appended any ` +
        "more the replica ends with code 76.",
      fires: {
        series: problem("disk-low"),
        at: "5m",
        labels: { ...replicaLabels(0), kind: "disk-low" },
        says: "carts-0 of shop/carts reports disk-low: puts are refused, and when nothing can be appended any more the replica ends with code 76.",
      },
      quiet: { series: problem("quota"), at: "5m" },
    },
    {
      name: "RstoreDiskForecast",
      severity: "warning",
      expr:
        `min ${byReplica} (predict_linear(rstore_storage_disk_available_bytes[${timing.duration("3h")}], ` +
        `${timing.horizonSeconds("1d")})) < 0 and replica:rstore_storage_disk_used:ratio > 0.5 ` +
        `and min ${byReplica} (deriv(rstore_storage_disk_available_bytes[${timing.duration("45m")}])) < 0`,
      // Longer than the short window: a step alone is no growth.
      for: timing.duration("1h"),
      summary: "The disk of {{ $labels.namespace }}/{{ $labels.replica }} will be full within a day",
      description:
        `As it filled in the last three hours, the disk of ${aReplica} lacks ` +
        "{{ $value | humanize1024 }}B in a day.",
      fires: {
        series: available(`${4 * gi}-${(0.2 * gi) / 60}x400`),
        at: "5h",
        labels: replicaLabels(0),
        says: "As it filled in the last three hours, the disk of carts-0 of shop/carts lacks -1.8GiB in a day.",
      },
      quiet: { series: available(`${4 * gi}-${(0.1 * gi) / 60}x400`), at: "5h" },
      // A step, then flat.
      alsoQuiet: [{ series: available(`${8 * gi}x199 ${3 * gi}x300`), at: "262m" }],
    },
  ];
}

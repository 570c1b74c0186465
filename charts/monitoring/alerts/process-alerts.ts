import type { Timing } from "../timing.ts";
import type { Alert } from "./alert.ts";
import { aReplica, byReplica, histogram, replicaLabels, testReplica } from "./series.ts";

const mi = 1024 ** 2;

function delays(perMinute: Readonly<Record<string, number>>): Record<string, string> {
  return histogram("rstore_process_event_loop_delay_seconds", testReplica(0), perMinute);
}

/** `metric`, and the limit that it is judged by. */
function against(metric: string, limit: string, values: readonly [number, number]): Record<string, string> {
  return {
    [`${metric}{${testReplica(0)},job="rstore"}`]: `${values[0]}x60`,
    [`${limit}{${testReplica(0)},job="rstore"}`]: `${values[1]}x60`,
  };
}

export function processAlerts(timing: Timing): Alert[] {
  const memory = "rstore_process_anonymous_memory_bytes";
  const memoryLimit = "rstore_process_memory_limit_bytes";
  const heap = "nodejs_heap_size_used_bytes";
  const heapLimit = "rstore_process_heap_limit_bytes";
  const active = (perMinute: number) => ({
    [`rstore_process_event_loop_active_seconds_total{${testReplica(0)}}`]: `0+${perMinute}x60`,
  });
  return [
    {
      name: "RstoreEventLoopBlocked",
      severity: "warning",
      expr: "replica:rstore_process_event_loop_delay_seconds:p99 > 0.25",
      for: timing.duration("5m"),
      summary: "The event loop of {{ $labels.namespace }}/{{ $labels.replica }} is blocked",
      description:
        `One in a hundred times the event loop of ${aReplica} is {{ $value | humanizeDuration }} late or ` +
        "more: heartbeats, elections and requests wait.",
      fires: {
        series: delays({ "0.01": 590, "0.25": 0, "0.5": 10 }),
        at: "20m",
        labels: replicaLabels(0),
        says: "One in a hundred times the event loop of carts-0 of shop/carts is 350ms late or more: heartbeats, elections and requests wait.",
      },
      quiet: { series: delays({ "0.01": 590, "0.25": 10, "0.5": 0 }), at: "20m" },
    },
    {
      name: "RstoreCpuSaturated",
      severity: "warning",
      expr: `max ${byReplica} (rate(rstore_process_event_loop_active_seconds_total[${timing.duration("5m")}])) > 0.9`,
      for: timing.duration("15m"),
      summary: "{{ $labels.namespace }}/{{ $labels.replica }} uses all of its core",
      description:
        `The event loop of ${aReplica} is busy {{ $value | humanizePercentage }} of the time: it can't ` +
        "take more load.",
      fires: {
        series: active(57),
        at: "30m",
        labels: replicaLabels(0),
        says: "The event loop of carts-0 of shop/carts is busy 95% of the time: it can't take more load.",
      },
      quiet: { series: active(48), at: "30m" },
    },
    {
      name: "RstoreMemoryNearLimit",
      severity: "warning",
      expr: `max ${byReplica} (${memory} / ${memoryLimit}) > 0.85`,
      for: timing.duration("10m"),
      summary: "The memory of {{ $labels.namespace }}/{{ $labels.replica }} is near its limit",
      description:
        `${aReplica} uses {{ $value | humanizePercentage }} of its memory limit, without pages of files; ` +
        "at 100% it is killed.",
      fires: {
        series: against(memory, memoryLimit, [460 * mi, 512 * mi]),
        at: "20m",
        labels: replicaLabels(0),
        says: "carts-0 of shop/carts uses 89.84% of its memory limit, without pages of files; at 100% it is killed.",
      },
      quiet: { series: against(memory, memoryLimit, [430 * mi, 512 * mi]), at: "20m" },
    },
    {
      name: "RstoreHeapNearLimit",
      severity: "warning",
      expr: `max ${byReplica} (${heap}{job="rstore"} / ${heapLimit}) > 0.85`,
      for: timing.duration("10m"),
      summary: "The heap of {{ $labels.namespace }}/{{ $labels.replica }} is near its limit",
      description:
        `${aReplica} uses {{ $value | humanizePercentage }} of the JavaScript heap that it may have; at ` +
        "100% the process ends.",
      fires: {
        series: against(heap, heapLimit, [900 * mi, 1000 * mi]),
        at: "20m",
        labels: replicaLabels(0),
        says: "carts-0 of shop/carts uses 90% of the JavaScript heap that it may have; at 100% the process ends.",
      },
      quiet: { series: against(heap, heapLimit, [800 * mi, 1000 * mi]), at: "20m" },
    },
    {
      name: "RstoreFilesNearLimit",
      severity: "warning",
      expr: `max ${byReplica} (process_open_fds{job="rstore"} / process_max_fds{job="rstore"}) > 0.85`,
      for: timing.duration("5m"),
      summary: "{{ $labels.namespace }}/{{ $labels.replica }} has nearly all the files open that it may have",
      description:
        `${aReplica} uses {{ $value | humanizePercentage }} of its file descriptors; every connection ` +
        "needs one.",
      fires: {
        series: against("process_open_fds", "process_max_fds", [920, 1000]),
        at: "20m",
        labels: replicaLabels(0),
        says: "carts-0 of shop/carts uses 92% of its file descriptors; every connection needs one.",
      },
      quiet: { series: against("process_open_fds", "process_max_fds", [800, 1000]), at: "20m" },
    },
  ];
}

import type { CountedDefinition, ScrapedDefinition } from "../definition.ts";
import type { ProcessReading } from "../reading.ts";

export const processScraped: readonly ScrapedDefinition<ProcessReading>[] = [
  {
    name: "rstore_build_info",
    help: "1, with the versions of the replica and of Node.js.",
    type: "gauge",
    labels: { version: "self", node: "self" },
    read: ({ version, node }) => [{ labels: { version, node }, value: 1 }],
  },
  {
    name: "rstore_process_event_loop_active_seconds_total",
    help: "Time that the event loop was not waiting; its rate is the part of one core that the loop uses.",
    type: "counter",
    read: ({ loopActiveSeconds }) => loopActiveSeconds,
  },
  {
    name: "rstore_process_heap_limit_bytes",
    help: "Size of the JavaScript heap at which the process ends.",
    type: "gauge",
    read: ({ heapLimitBytes }) => heapLimitBytes,
  },
  {
    name: "rstore_process_memory_limit_bytes",
    help: "Memory limit of the process' control group; absent when there is none.",
    type: "gauge",
    read: ({ memoryLimitBytes }) => memoryLimitBytes,
  },
  {
    name: "rstore_process_anonymous_memory_bytes",
    help: "Resident memory without the pages of files, which the kernel takes back by itself: what the limit is about.",
    type: "gauge",
    read: ({ anonymousMemoryBytes }) => anonymousMemoryBytes,
  },
];

export const processCounted = {
  eventLoopDelay: {
    name: "rstore_process_event_loop_delay_seconds",
    help: "How late timers are, looked at ten times a second: how long the event loop is blocked.",
    type: "histogram",
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  },
} as const satisfies Record<string, CountedDefinition>;

/** What is kept of prom-client's own metrics of the process; the rest costs more than it says. */
export const libraryMetrics = [
  "process_cpu_user_seconds_total",
  "process_cpu_system_seconds_total",
  "process_cpu_seconds_total",
  "process_start_time_seconds",
  "process_resident_memory_bytes",
  "process_virtual_memory_bytes",
  "process_open_fds",
  "process_max_fds",
  "nodejs_eventloop_lag_p50_seconds",
  "nodejs_eventloop_lag_p90_seconds",
  "nodejs_eventloop_lag_p99_seconds",
  "nodejs_eventloop_lag_max_seconds",
  "nodejs_heap_size_total_bytes",
  "nodejs_heap_size_used_bytes",
  "nodejs_external_memory_bytes",
  "nodejs_heap_space_size_total_bytes",
  "nodejs_heap_space_size_used_bytes",
  "nodejs_heap_space_size_available_bytes",
  "nodejs_gc_duration_seconds",
  "nodejs_version_info",
] as const;

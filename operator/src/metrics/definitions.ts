import type { Definition } from "@rstore/replica/metrics/definition";
import { operatorCounted, operatorScraped, storeLabels } from "./operator-definitions.ts";
import { storeScraped } from "./store-definitions.ts";

/** All of the operator's own metrics, for its reference. */
export const operatorDefinitions: readonly {
  readonly title: string;
  readonly metrics: readonly Definition[];
}[] = [
  { title: "Operator", metrics: [...operatorScraped, ...Object.values(operatorCounted)] },
  {
    title: "Stores",
    metrics: storeScraped.map((definition) => ({
      ...definition,
      labels: { ...storeLabels, ...definition.labels },
    })),
  },
];

/** What is kept of prom-client's own metrics of the process. */
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

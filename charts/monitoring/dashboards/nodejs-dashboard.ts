import type { DashboardSpec } from "./dashboard-spec.ts";
import type { RowSpec } from "./panel-spec.ts";
import { timeSeries, worseFrom } from "./panels.ts";
import { ofProcesses, processVariables, window } from "./variables.ts";

const none = "No process is scraped.";
const replicasOnly = "No replica is chosen; operators don't measure it.";

/** What a process of Node.js needs: time on the loop, memory, files. */
export const nodejsDashboard: DashboardSpec = {
  name: "nodejs",
  title: "rstore / Node.js process",
  description: "Event loop, CPU, memory, garbage collection and files of replicas and operators.",
  variables: processVariables,
  annotations: [
    {
      name: "Restarts",
      expr: `time() - max by (pod) (process_start_time_seconds{${ofProcesses}}) < 60`,
      title: "Restart: {{pod}}",
      text: "{{pod}} was started anew",
      tone: "red",
    },
  ],
  rows: [loop(), memory(), rest()],
};

function loop(): RowSpec {
  return {
    title: "Event loop and CPU",
    panels: [
      timeSeries({
        title: "Event loop, late",
        description:
          "How late timers are: the median and the worst of a hundred. Beyond a quarter of a second heartbeats and elections suffer.",
        noData: replicasOnly,
        unit: "s",
        steps: worseFrom([[0.25, "red"]]),
        queries: [0.5, 0.99].map((quantile) => ({
          expr: `histogram_quantile(${quantile}, sum by (pod, le) (rate(rstore_process_event_loop_delay_seconds_bucket{${ofProcesses}}[${window}])))`,
          legend: `{{pod}} p${quantile * 100}`,
        })),
      }),
      timeSeries({
        title: "Event loop of operators, late",
        description: "As Node.js measures it since the last scrape.",
        noData: "No operator is chosen; replicas have the histogram beside.",
        unit: "s",
        queries: [
          { expr: `nodejs_eventloop_lag_p50_seconds{${ofProcesses}}`, legend: "{{pod}} p50" },
          { expr: `nodejs_eventloop_lag_p99_seconds{${ofProcesses}}`, legend: "{{pod}} p99" },
        ],
      }),
      timeSeries({
        title: "Event loop, busy",
        description:
          "Part of one core that the event loop uses. Near 100 % the process can't take more load.",
        noData: replicasOnly,
        unit: "percentunit",
        min: 0,
        max: 1,
        queries: [
          {
            expr: `rate(rstore_process_event_loop_active_seconds_total{${ofProcesses}}[${window}])`,
            legend: "{{pod}}",
          },
        ],
      }),
      timeSeries({
        title: "CPU",
        description: "Of one core; more than 100 % with the threads for disks and garbage collection.",
        noData: none,
        unit: "percentunit",
        min: 0,
        width: 12,
        queries: [
          { expr: `rate(process_cpu_user_seconds_total{${ofProcesses}}[${window}])`, legend: "{{pod}} user" },
          {
            expr: `rate(process_cpu_system_seconds_total{${ofProcesses}}[${window}])`,
            legend: "{{pod}} system",
          },
        ],
      }),
      timeSeries({
        title: "Garbage collection",
        description:
          "Part of the time that is spent with it, by kind. major and incremental beyond some percent: the heap is short.",
        noData: "No garbage was collected.",
        unit: "percentunit",
        min: 0,
        width: 12,
        queries: [
          {
            expr: `sum by (pod, kind) (rate(nodejs_gc_duration_seconds_sum{${ofProcesses}}[${window}]))`,
            legend: "{{pod}} {{kind}}",
          },
        ],
      }),
    ],
  };
}

function memory(): RowSpec {
  return {
    title: "Memory",
    panels: [
      timeSeries({
        title: "Of the limit",
        description:
          "Memory without pages of files, as part of the container's limit: at 100 % the process is killed.",
        noData: "No limit is set, or no replica is chosen.",
        unit: "percentunit",
        min: 0,
        queries: [
          {
            expr: `rstore_process_anonymous_memory_bytes{${ofProcesses}} / rstore_process_memory_limit_bytes{${ofProcesses}}`,
            legend: "{{pod}}",
          },
        ],
      }),
      timeSeries({
        title: "Resident",
        description: "With the pages of files, which the kernel takes back by itself, and without them.",
        noData: none,
        unit: "bytes",
        min: 0,
        queries: [
          { expr: `process_resident_memory_bytes{${ofProcesses}}`, legend: "{{pod}}" },
          { expr: `rstore_process_anonymous_memory_bytes{${ofProcesses}}`, legend: "{{pod}} without files" },
        ],
      }),
      timeSeries({
        title: "Heap",
        description:
          "Used, and what V8 has taken for it. Saw teeth are normal; a floor that rises is a leak.",
        noData: none,
        unit: "bytes",
        min: 0,
        queries: [
          { expr: `nodejs_heap_size_used_bytes{${ofProcesses}}`, legend: "{{pod}} used" },
          { expr: `nodejs_heap_size_total_bytes{${ofProcesses}}`, legend: "{{pod}} total" },
        ],
      }),
      timeSeries({
        title: "Heap of its limit",
        description: "At 100 % the process ends.",
        noData: replicasOnly,
        unit: "percentunit",
        min: 0,
        queries: [
          {
            expr: `nodejs_heap_size_used_bytes{${ofProcesses}} / rstore_process_heap_limit_bytes{${ofProcesses}}`,
            legend: "{{pod}}",
          },
        ],
      }),
      timeSeries({
        title: "Heap by space",
        description: "old: what lives long; large_object: big buffers of strings and arrays.",
        noData: none,
        unit: "bytes",
        min: 0,
        queries: [
          {
            expr: `sum by (space) (nodejs_heap_space_size_used_bytes{${ofProcesses}})`,
            legend: "{{space}}",
          },
        ],
      }),
      timeSeries({
        title: "Outside of the heap",
        description: "Buffers: requests, answers, entries on their way.",
        noData: none,
        unit: "bytes",
        min: 0,
        queries: [{ expr: `nodejs_external_memory_bytes{${ofProcesses}}`, legend: "{{pod}}" }],
      }),
    ],
  };
}

function rest(): RowSpec {
  return {
    title: "Files and starts",
    panels: [
      timeSeries({
        title: "Open files",
        description: "As part of those that the process may have; every connection needs one.",
        noData: none,
        unit: "percentunit",
        min: 0,
        queries: [
          { expr: `process_open_fds{${ofProcesses}} / process_max_fds{${ofProcesses}}`, legend: "{{pod}}" },
        ],
      }),
      timeSeries({
        title: "Running for",
        description: "Time since the process started.",
        noData: none,
        unit: "s",
        min: 0,
        queries: [{ expr: `time() - process_start_time_seconds{${ofProcesses}}`, legend: "{{pod}}" }],
      }),
      timeSeries({
        title: "Versions of Node.js",
        description: "Processes by version.",
        noData: none,
        unit: "short",
        min: 0,
        queries: [
          { expr: `count by (version) (nodejs_version_info{${ofProcesses}})`, legend: "{{version}}" },
        ],
      }),
    ],
  };
}

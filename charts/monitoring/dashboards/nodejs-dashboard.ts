import type { DashboardSpec } from "./dashboard-spec.ts";
import type { PanelSpec, RowSpec } from "./panel-spec.ts";
import { timeSeries, worseFrom } from "./panels.ts";
import { one, quantiles } from "./queries.ts";
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

interface PodPanel extends Omit<Parameters<typeof timeSeries>[0], "noData" | "queries"> {
  readonly noData?: string;
  /** By what the legend has behind the name of the pod. */
  readonly series: Readonly<Record<string, string>>;
}

/** Lines for each pod, from 0 on. */
function perPod({ series, noData = none, ...panel }: PodPanel): PanelSpec {
  const queries = Object.entries(series).map(([name, expr]) => ({ expr, legend: `{{pod}} ${name}`.trim() }));
  return timeSeries({ min: 0, noData, queries, ...panel });
}

/** Part of what the process may have. */
function share(used: string, limit: string): string {
  return `${used}{${ofProcesses}} / ${limit}{${ofProcesses}}`;
}

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
        queries: quantiles("rstore_process_event_loop_delay_seconds", "pod", ofProcesses),
      }),
      timeSeries({
        title: "Event loop of operators, late",
        description: "As Node.js measures it since the last scrape.",
        noData: "No operator is chosen; replicas have the histogram beside.",
        unit: "s",
        queries: [50, 99].map((percent) => ({
          expr: `nodejs_eventloop_lag_p${percent}_seconds{${ofProcesses}}`,
          legend: `{{pod}} p${percent}`,
        })),
      }),
      perPod({
        title: "Event loop, busy",
        description:
          "Part of one core that the event loop uses. Near 100 % the process can't take more load.",
        noData: replicasOnly,
        unit: "percentunit",
        max: 1,
        series: { "": `rate(rstore_process_event_loop_active_seconds_total{${ofProcesses}}[${window}])` },
      }),
      perPod({
        title: "CPU",
        description: "Of one core; more than 100 % with the threads for disks and garbage collection.",
        unit: "percentunit",
        width: 12,
        series: {
          user: `rate(process_cpu_user_seconds_total{${ofProcesses}}[${window}])`,
          system: `rate(process_cpu_system_seconds_total{${ofProcesses}}[${window}])`,
        },
      }),
      perPod({
        title: "Garbage collection",
        description:
          "Part of the time that is spent with it, by kind. major and incremental beyond some percent: the heap is short.",
        noData: "No garbage was collected.",
        unit: "percentunit",
        width: 12,
        series: {
          "{{kind}}": `sum by (pod, kind) (rate(nodejs_gc_duration_seconds_sum{${ofProcesses}}[${window}]))`,
        },
      }),
    ],
  };
}

function memory(): RowSpec {
  return {
    title: "Memory",
    panels: [
      perPod({
        title: "Of the limit",
        description:
          "Memory without pages of files, as part of the container's limit: at 100 % the process is killed.",
        noData: "No limit is set, or no replica is chosen.",
        unit: "percentunit",
        series: { "": share("rstore_process_anonymous_memory_bytes", "rstore_process_memory_limit_bytes") },
      }),
      perPod({
        title: "Resident",
        description: "With the pages of files, which the kernel takes back by itself, and without them.",
        unit: "bytes",
        series: {
          "": `process_resident_memory_bytes{${ofProcesses}}`,
          "without files": `rstore_process_anonymous_memory_bytes{${ofProcesses}}`,
        },
      }),
      perPod({
        title: "Heap",
        description:
          "Used, and what V8 has taken for it. Saw teeth are normal; a floor that rises is a leak.",
        unit: "bytes",
        series: {
          used: `nodejs_heap_size_used_bytes{${ofProcesses}}`,
          total: `nodejs_heap_size_total_bytes{${ofProcesses}}`,
        },
      }),
      perPod({
        title: "Heap of its limit",
        description: "At 100 % the process ends.",
        noData: replicasOnly,
        unit: "percentunit",
        series: { "": share("nodejs_heap_size_used_bytes", "rstore_process_heap_limit_bytes") },
      }),
      timeSeries({
        title: "Heap by space",
        description: "old: what lives long; large_object: big buffers of strings and arrays.",
        noData: none,
        unit: "bytes",
        min: 0,
        queries: one(`sum by (space) (nodejs_heap_space_size_used_bytes{${ofProcesses}})`, "{{space}}"),
      }),
      perPod({
        title: "Outside of the heap",
        description: "Buffers: requests, answers, entries on their way.",
        unit: "bytes",
        series: { "": `nodejs_external_memory_bytes{${ofProcesses}}` },
      }),
    ],
  };
}

function rest(): RowSpec {
  return {
    title: "Files and starts",
    panels: [
      perPod({
        title: "Open files",
        description: "As part of those that the process may have; every connection needs one.",
        unit: "percentunit",
        series: { "": share("process_open_fds", "process_max_fds") },
      }),
      perPod({
        title: "Running for",
        description: "Time since the process started.",
        unit: "s",
        series: { "": `time() - process_start_time_seconds{${ofProcesses}}` },
      }),
      timeSeries({
        title: "Versions of Node.js",
        description: "Processes by version.",
        noData: none,
        unit: "short",
        min: 0,
        queries: one(`count by (version) (nodejs_version_info{${ofProcesses}})`, "{{version}}"),
      }),
    ],
  };
}

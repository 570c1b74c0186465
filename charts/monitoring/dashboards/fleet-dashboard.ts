import type { DashboardSpec } from "./dashboard-spec.ts";
import type { PanelSpec, RowSpec } from "./panel-spec.ts";
import { betterFrom, stat, table, timeSeries, worseFrom, yesNo } from "./panels.ts";
import { one } from "./queries.ts";
import { fleetVariables, inFleet, window } from "./variables.ts";

const firing = `ALERTS{alertname=~"Rstore.+",alertstate="firing",namespace=~"$namespace"`;
/** The row's value, as Grafana fills it in. */
const field = (name: string) => `\${__data.fields.${name}}`;
const timeRange = `\${__url_time_range}`;
const byStore = "by (namespace, store)";

/** Is any store in trouble? */
export const fleetDashboard: DashboardSpec = {
  name: "fleet",
  title: "rstore / Fleet",
  description: "All stores at a glance: which one is in trouble, and where to look.",
  variables: fleetVariables,
  annotations: [],
  rows: [{ title: "Is any store in trouble?", panels: [...glance(), ...lists()] }, traffic(), room()],
};

function glance(): PanelSpec[] {
  const none = "The rules of the chart are not loaded, or nothing is scraped.";
  const count = (expr: string) => [{ expr: `count(${expr}) or vector(0)`, legend: "" }];
  const badFromOne = worseFrom([[1, "red"]]);
  return [
    stat({
      title: "Critical alerts",
      description: "Alerts that fire and wake somebody. The list below names them; each has a runbook.",
      noData: none,
      queries: count(`${firing},severity="critical"}`),
      steps: badFromOne,
    }),
    stat({
      title: "Warnings",
      description: "Alerts that fire and want a look today.",
      noData: none,
      queries: count(`${firing},severity="warning"}`),
      steps: worseFrom([[1, "orange"]]),
    }),
    stat({
      title: "Stores known",
      description: "Stores of which at least one replica is known to Prometheus.",
      noData: "No replica is scraped: is monitoring.podMonitors.enabled set, and are there stores?",
      queries: count(`count ${byStore} (up{job="rstore",${inFleet}})`),
    }),
    stat({
      title: "Without a leader",
      description: "Stores in which no replica leads: they take no writes. A few seconds are an election.",
      noData: none,
      queries: count(`max ${byStore} (rstore_raft_is_leader{${inFleet}}) == 0`),
      steps: badFromOne,
    }),
    stat({
      title: "One loss from an outage",
      description: "Stores of three or more voters that would lose their majority with one more of them.",
      noData: none,
      queries: count(
        `max ${byStore} (rstore_raft_failures_tolerated{${inFleet}}) <= 0 and on (namespace, store) ` +
          `max ${byStore} (rstore_raft_configuration_members{${inFleet},kind="voter"}) > 2`,
      ),
      steps: badFromOne,
    }),
    stat({
      title: "Replicas that don't answer",
      description: "Replicas that could not be scraped.",
      noData: none,
      queries: count(`up{job="rstore",${inFleet}} == 0`),
      steps: badFromOne,
    }),
    stat({
      title: "Fullest store",
      description: "The replica that has used most of its quota; at 100 % puts are refused.",
      noData: none,
      queries: one(
        `max(rstore_storage_store_used_bytes{${inFleet}} / rstore_storage_store_quota_bytes{${inFleet}})`,
      ),
      unit: "percentunit",
      decimals: 0,
      steps: worseFrom([
        [0.7, "yellow"],
        [0.85, "orange"],
        [0.95, "red"],
      ]),
    }),
    stat({
      title: "Operators that lead",
      description: "One of the operators acts. Without it stores go on, but nothing is repaired or changed.",
      noData: "No operator is scraped.",
      queries: one("sum(rstore_operator_is_leader)"),
      steps: betterFrom([[1, "green"]]),
    }),
  ];
}

function lists(): PanelSpec[] {
  return [
    table({
      title: "Stores",
      description:
        "One line for each store, as its replicas say it. A click opens the store's page. " +
        "Losses: voters that may still be lost before nothing can be written.",
      noData: "No replica is scraped: is monitoring.podMonitors.enabled set, and are there stores?",
      height: 10,
      keys: { namespace: "Namespace", store: "Store" },
      link: {
        title: "Open the store",
        url: `/d/rstore-store?var-namespace=${field("Namespace")}&var-store=${field("Store")}&${timeRange}`,
      },
      columns: [
        {
          title: "Leader",
          expr: `max ${byStore} (rstore_raft_is_leader{${inFleet}})`,
          values: yesNo,
        },
        {
          title: "Voters",
          expr: `max ${byStore} (rstore_raft_configuration_members{${inFleet},kind="voter"})`,
        },
        { title: "Answer", expr: `sum ${byStore} (up{job="rstore",${inFleet}})` },
        { title: "Ready", expr: `sum ${byStore} (rstore_replica_ready{${inFleet}})` },
        {
          title: "Losses",
          expr: `max ${byStore} (rstore_raft_failures_tolerated{${inFleet}})`,
          steps: betterFrom([
            [0, "orange"],
            [1, "green"],
          ]),
        },
        {
          title: "Alerts",
          expr: `sum ${byStore} (ALERTS{alertname=~"Rstore.+",alertstate="firing",${inFleet}}) or 0 * sum ${byStore} (up{job="rstore",${inFleet}})`,
          steps: worseFrom([[1, "red"]]),
        },
        {
          title: "Requests",
          expr: `sum ${byStore} (rate(rstore_rpc_requests_total{${inFleet}}[${window}]))`,
          unit: "reqps",
          decimals: 1,
        },
        {
          title: "Failing",
          expr: `store:rstore_rpc_request_failures:ratio_rate5m{${inFleet}} or 0 * sum ${byStore} (up{job="rstore",${inFleet}})`,
          unit: "percentunit",
          decimals: 1,
          steps: worseFrom([
            [0.01, "orange"],
            [0.05, "red"],
          ]),
        },
        {
          title: "Slowest of 100",
          expr: `store:rstore_rpc_request_duration_seconds:p99{${inFleet}} >= 0`,
          unit: "s",
          steps: worseFrom([
            [0.25, "orange"],
            [1, "red"],
          ]),
        },
        {
          title: "Quota",
          expr: `max ${byStore} (replica:rstore_storage_store_used:ratio{${inFleet}})`,
          unit: "percentunit",
          decimals: 0,
          steps: worseFrom([
            [0.7, "yellow"],
            [0.85, "orange"],
            [0.95, "red"],
          ]),
        },
        {
          title: "Behind",
          expr: `max ${byStore} (rstore_raft_peer_lag_entries{${inFleet}})`,
          unit: "short",
          steps: worseFrom([
            [1000, "orange"],
            [10000, "red"],
          ]),
        },
      ],
    }),
    table({
      title: "Alerts that fire",
      description:
        "What is wrong now, by store and replica. The page docs/runbooks/<Alert>.md says what to do.",
      noData: "Nothing fires.",
      height: 7,
      keys: {
        severity: "Severity",
        alertname: "Alert",
        namespace: "Namespace",
        store: "Store",
        replica: "Replica",
      },
      columns: [
        {
          title: "Firing",
          expr: `count by (severity, alertname, namespace, store, replica) (ALERTS{alertname=~"Rstore.+",alertstate="firing"})`,
        },
      ],
    }),
  ];
}

function traffic(): RowSpec {
  const legend = "{{namespace}}/{{store}}";
  return {
    title: "Traffic and latency",
    panels: [
      timeSeries({
        title: "Requests",
        description: "Requests answered each second, by store.",
        noData: "No requests.",
        unit: "reqps",
        queries: [
          { expr: `sum ${byStore} (rate(rstore_rpc_requests_total{${inFleet}}[${window}]))`, legend },
        ],
      }),
      timeSeries({
        title: "Requests that fail",
        description:
          "Part of the requests for keys that fail for reasons that are not their callers': no leader, no majority, deadlines, bugs.",
        noData: "No requests.",
        unit: "percentunit",
        min: 0,
        queries: [
          {
            expr: `store:rstore_rpc_request_failures:ratio_rate5m{${inFleet}} or 0 * store:rstore_rpc_requests:rate5m{${inFleet}}`,
            legend,
          },
        ],
      }),
      timeSeries({
        title: "Slowest of a hundred requests",
        description: "The 99th percentile of requests for keys, by store.",
        noData: "No requests.",
        unit: "s",
        queries: [{ expr: `store:rstore_rpc_request_duration_seconds:p99{${inFleet}}`, legend }],
      }),
      timeSeries({
        title: "Leader changes",
        description:
          "How often the leader changed within the last quarter of an hour. Several in a row: slow disks, a bad network, or processes short of CPU.",
        noData: "No replica is scraped.",
        unit: "short",
        min: 0,
        queries: [
          {
            expr: `max ${byStore} (increase(rstore_raft_leader_changes_total{${inFleet}}[15m]))`,
            legend,
          },
        ],
      }),
      timeSeries({
        title: "Slowest commits",
        description:
          "The 99th percentile of the time from proposing an entry until it is committed and applied.",
        noData: "Nothing was written.",
        unit: "s",
        queries: [{ expr: `store:rstore_raft_commit_duration_seconds:p99{${inFleet}}`, legend }],
      }),
      timeSeries({
        title: "Slowest writes to the log",
        description: "The 99th percentile of the slowest replica: what a slow disk looks like.",
        noData: "Nothing was written.",
        unit: "s",
        queries: [
          {
            expr: `max ${byStore} (replica:rstore_storage_log_flush_duration_seconds:p99{${inFleet}})`,
            legend,
          },
        ],
      }),
    ],
  };
}

function room(): RowSpec {
  const legend = "{{namespace}}/{{store}}";
  return {
    title: "Room",
    panels: [
      timeSeries({
        title: "Quota used",
        description: "Of the replica that uses most. At 100 % puts are refused.",
        noData: "No replica is scraped.",
        unit: "percentunit",
        min: 0,
        queries: [{ expr: `max ${byStore} (replica:rstore_storage_store_used:ratio{${inFleet}})`, legend }],
      }),
      timeSeries({
        title: "Disk used",
        description: "Of the replica whose disk is fullest, whoever fills it.",
        noData: "No replica is scraped.",
        unit: "percentunit",
        min: 0,
        queries: [{ expr: `max ${byStore} (replica:rstore_storage_disk_used:ratio{${inFleet}})`, legend }],
      }),
      timeSeries({
        title: "Memory",
        description: "Of the replica that uses most, without pages of files.",
        noData: "No replica is scraped.",
        unit: "bytes",
        min: 0,
        queries: [{ expr: `max ${byStore} (rstore_process_anonymous_memory_bytes{${inFleet}})`, legend }],
      }),
    ],
  };
}

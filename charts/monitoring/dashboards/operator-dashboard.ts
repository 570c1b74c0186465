import type { DashboardSpec } from "./dashboard-spec.ts";
import type { PanelSpec, RowSpec } from "./panel-spec.ts";
import { betterFrom, stat, stateTimeline, table, timeSeries, worseFrom, yesNo } from "./panels.ts";
import { one } from "./queries.ts";
import { operatorVariables, ofOperators as own, window } from "./variables.ts";

const none = "No operator is scraped.";
const noStores = "The operator that leads knows no store.";
const byStore = "by (namespace, store)";
/** What it says of stores has their namespaces, not its own. */
const ofStores = 'job="rstore-operator"';
const legend = "{{namespace}}/{{store}}";

/** What is the operator doing, and is it able to? */
export const operatorDashboard: DashboardSpec = {
  name: "operator",
  title: "rstore / Operator",
  description: "What the operator is doing, whether it is able to, and what it says about stores.",
  variables: operatorVariables,
  annotations: [
    {
      name: "Change of leader",
      expr: `(rstore_operator_is_leader{${own}} == 1) unless on (pod) (rstore_operator_is_leader{${own}} offset 1m == 1)`,
      title: "Leads: {{pod}}",
      text: "{{pod}} acts from here on",
      tone: "blue",
    },
  ],
  rows: [{ title: "Is it at work?", panels: glance() }, stores(), work(), api()],
};

function glance(): PanelSpec[] {
  return [
    stat({
      title: "Leads",
      description: "The operator that has the lease and acts; the others stand by.",
      noData: "None leads",
      width: 4,
      queries: one(`rstore_operator_is_leader{${own}} == 1`, "{{pod}}"),
      values: [{ value: 1, text: "leads", tone: "green" }],
      showsName: true,
    }),
    stat({
      title: "Operators",
      description: "Operators that can be scraped.",
      noData: none,
      width: 4,
      queries: one(`sum(up{${own}})`),
      steps: betterFrom([[1, "green"]]),
    }),
    stat({
      title: "Oldest look",
      description:
        "Time since the last look with success, of the store for which it is longest. Beyond five minutes its status is old.",
      noData: noStores,
      width: 4,
      unit: "s",
      decimals: 0,
      queries: one(
        `max(time() - max ${byStore} (rstore_operator_store_last_look_timestamp_seconds{${ofStores}}))`,
      ),
      steps: worseFrom([
        [120, "orange"],
        [300, "red"],
      ]),
    }),
    stat({
      title: "Look under way",
      description: "How long the longest look has taken so far. It grows while the operator is stuck.",
      noData: none,
      width: 4,
      unit: "s",
      queries: one(`max(rstore_operator_reconcile_under_way_seconds{${own}})`),
      steps: worseFrom([
        [60, "orange"],
        [300, "red"],
      ]),
    }),
    stat({
      title: "API server last heard",
      description: "Of the watch that heard nothing for longest.",
      noData: "None leads",
      width: 4,
      unit: "s",
      decimals: 0,
      queries: one(`max(time() - rstore_operator_api_server_contact_timestamp_seconds{${own}})`),
      steps: worseFrom([
        [300, "orange"],
        [600, "red"],
      ]),
    }),
    stat({
      title: "Stores",
      description: "Stores that the operator looks after.",
      noData: noStores,
      width: 4,
      queries: one(`count(count ${byStore} (rstore_operator_store_replicas_wanted{${ofStores}}))`),
    }),
  ];
}

function conditionColumn(name: string, good: 0 | 1) {
  return {
    title: name,
    expr: `max ${byStore} (rstore_operator_store_condition{${ofStores},condition="${name}",status="True"})`,
    values:
      good === 1
        ? yesNo
        : [
            { value: 0, text: "no", tone: "green" as const },
            { value: 1, text: "yes", tone: "orange" as const },
          ],
  };
}

function stores(): RowSpec {
  return {
    title: "Stores",
    panels: [
      table({
        title: "Stores as the operator sees them",
        description:
          "One line for each store: its conditions, replicas and members. kubectl describe rstore says why.",
        noData: noStores,
        height: 9,
        keys: { namespace: "Namespace", store: "Store" },
        link: {
          title: "Open the store",
          url: `/d/rstore-store?var-namespace=\${__data.fields.Namespace}&var-store=\${__data.fields.Store}&\${__url_time_range}`,
        },
        columns: [
          conditionColumn("Available", 1),
          conditionColumn("Progressing", 0),
          conditionColumn("Degraded", 0),
          { title: "Wanted", expr: `max ${byStore} (rstore_operator_store_replicas_wanted{${ofStores}})` },
          { title: "Running", expr: `max ${byStore} (rstore_operator_store_replicas_running{${ofStores}})` },
          { title: "Ready", expr: `max ${byStore} (rstore_operator_store_replicas_ready{${ofStores}})` },
          {
            title: "Losses",
            expr: `max ${byStore} (rstore_operator_store_failures_tolerated{${ofStores}})`,
            steps: betterFrom([
              [0, "orange"],
              [1, "green"],
            ]),
          },
          {
            title: "Paused",
            expr: `max ${byStore} (rstore_operator_store_paused{${ofStores}})`,
            values: [
              { value: 0, text: "no", tone: "text" },
              { value: 1, text: "yes", tone: "orange" },
            ],
          },
          {
            title: "Volumes lost",
            expr: `max ${byStore} (rstore_operator_store_claims_lost{${ofStores}})`,
            steps: worseFrom([[1, "red"]]),
          },
          {
            title: "Last look",
            expr: `time() - max ${byStore} (rstore_operator_store_last_look_timestamp_seconds{${ofStores}})`,
            unit: "s",
            decimals: 0,
            steps: worseFrom([
              [120, "orange"],
              [300, "red"],
            ]),
          },
        ],
      }),
      stateTimeline({
        title: "Steps under way",
        description: "Disruptive steps: at most one for each store at a time. Long ones wait for something.",
        noData: noStores,
        width: 12,
        values: [
          { value: 0, text: "–", tone: "text" },
          { value: 1, text: "under way", tone: "purple" },
        ],
        queries: one(
          `max by (namespace, store, kind) (rstore_operator_store_change_under_way{${ofStores}})`,
          `${legend} {{kind}}`,
        ),
      }),
      timeSeries({
        title: "Members by health",
        description:
          "Members of all stores. Unreachable and Lost ones are replaced after spec.replacement.afterSeconds.",
        noData: noStores,
        width: 12,
        height: 7,
        unit: "short",
        min: 0,
        stacked: true,
        queries: one(
          `sum by (role, health) (rstore_operator_store_members{${ofStores}}) > 0`,
          "{{role}} {{health}}",
        ),
      }),
      timeSeries({
        title: "What replicas say of themselves",
        description:
          "At the last look: member is normal, blank waits for its cluster, removed and damaged wait to be replaced, silent does not answer.",
        noData: noStores,
        width: 12,
        height: 7,
        unit: "short",
        min: 0,
        stacked: true,
        queries: one(
          `sum by (report) (rstore_operator_store_replicas_reported{${ofStores}}) > 0`,
          "{{report}}",
        ),
      }),
      timeSeries({
        title: "Change under way since",
        description: "How long the disruptive step that is under way has taken.",
        noData: "Nothing is under way.",
        width: 12,
        height: 7,
        unit: "s",
        min: 0,
        queries: one(
          `time() - max by (namespace, store, kind) (rstore_operator_store_change_started_timestamp_seconds{${ofStores}})`,
          `${legend} {{kind}}`,
        ),
      }),
    ],
  };
}

function work(): RowSpec {
  return {
    title: "Work",
    panels: [
      timeSeries({
        title: "Looks",
        description: "Looks at stores each second, by how they ended.",
        noData: none,
        unit: "ops",
        queries: one(
          `sum by (result) (rate(rstore_operator_reconciles_total{${own}}[${window}]))`,
          "{{result}}",
        ),
      }),
      timeSeries({
        title: "Errors",
        description: "Looks that ended with an error, by what refused and why.",
        noData: none,
        unit: "ops",
        queries: one(
          `sum by (source, reason) (rate(rstore_operator_reconcile_errors_total{${own}}[${window}]))`,
          "{{source}}: {{reason}}",
        ),
      }),
      timeSeries({
        title: "Time of a look",
        description: "With what was done about the store.",
        noData: "No looks.",
        unit: "s",
        queries: [0.5, 0.99].map((quantile) => ({
          expr: `histogram_quantile(${quantile}, sum by (le) (rate(rstore_operator_reconcile_duration_seconds_bucket{${own}}[${window}])))`,
          legend: `p${quantile * 100}`,
        })),
      }),
      timeSeries({
        title: "Steps",
        description:
          "Steps of plans within five minutes, by kind. refused: it was outdated or not safe when it was to be taken.",
        noData: none,
        unit: "short",
        min: 0,
        queries: one(
          `sum by (kind, result) (increase(rstore_operator_steps_total{${ofStores}}[5m])) > 0 or sum by (result) (increase(rstore_operator_steps_total{${ofStores}}[5m]))`,
          "{{kind}} {{result}}",
        ),
      }),
      timeSeries({
        title: "Queue",
        description: "Stores that wait to be looked at, and those that are being looked at.",
        noData: none,
        unit: "short",
        min: 0,
        queries: [
          { expr: `rstore_operator_queue_depth{${own}}`, legend: "{{pod}} wait" },
          { expr: `rstore_operator_queue_active{${own}}`, legend: "{{pod}} active" },
        ],
      }),
      timeSeries({
        title: "Wait in the queue",
        description: "From when a store was due until it was looked at.",
        noData: "No looks.",
        unit: "s",
        queries: [0.5, 0.99].map((quantile) => ({
          expr: `histogram_quantile(${quantile}, sum by (le) (rate(rstore_operator_queue_wait_seconds_bucket{${own}}[${window}])))`,
          legend: `p${quantile * 100}`,
        })),
      }),
    ],
  };
}

function api(): RowSpec {
  return {
    title: "Process",
    panels: [
      timeSeries({
        title: "Versions",
        description: "Operators by version.",
        noData: none,
        unit: "short",
        min: 0,
        queries: one(
          `count by (version, node) (rstore_operator_build_info{${own}})`,
          "{{version}} on Node.js {{node}}",
        ),
      }),
      timeSeries({
        title: "CPU",
        description: "Of one core.",
        noData: none,
        unit: "percentunit",
        min: 0,
        queries: one(`rate(process_cpu_seconds_total{${own}}[${window}])`, "{{pod}}"),
      }),
      timeSeries({
        title: "Memory",
        description: "Resident memory.",
        noData: none,
        unit: "bytes",
        min: 0,
        queries: one(`process_resident_memory_bytes{${own}}`, "{{pod}}"),
      }),
    ],
  };
}

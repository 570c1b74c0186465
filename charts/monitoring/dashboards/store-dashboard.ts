import type { AnnotationSpec, DashboardSpec } from "./dashboard-spec.ts";
import type { PanelSpec, RowSpec } from "./panel-spec.ts";
import { betterFrom, roleNames, roleNumber, stat, stateTimeline, table, worseFrom } from "./panels.ts";
import { one } from "./queries.ts";
import { consensusRow, networkRow } from "./store-consensus-rows.ts";
import { compactionRow, diskRow, snapshotRow } from "./store-disk-rows.ts";
import { latencyRow, trafficRow } from "./store-load-rows.ts";
import { inReplicas, inStore, storeVariables } from "./variables.ts";

/** One store, from its health down to the causes. */
export const storeDashboard: DashboardSpec = {
  name: "store",
  title: "rstore / Store",
  description:
    "One store: is it healthy, why is it slow, what is it doing. From the top down: health to causes.",
  variables: storeVariables,
  annotations: annotations(),
  rows: [
    { title: "Health", panels: health() },
    members(),
    trafficRow(),
    latencyRow(),
    consensusRow(),
    diskRow(),
    networkRow(),
    snapshotRow(),
    compactionRow(),
  ],
};

/** What happened, over all of the page's graphs. */
function annotations(): AnnotationSpec[] {
  return [
    {
      name: "Leader changes",
      // One that leads now and did not a minute ago.
      expr: `(rstore_raft_is_leader{${inStore}} == 1) unless on (replica) (rstore_raft_is_leader{${inStore}} offset 1m == 1)`,
      title: "Leader: {{replica}}",
      text: "{{replica}} leads from here on",
      tone: "blue",
    },
    {
      name: "Operator steps",
      // Not what it notes for itself.
      expr: `sum by (kind) (increase(rstore_operator_steps_total{${inStore},kind!~"latch|clearLatch|record.+|event",result="taken"}[2m])) > 0`,
      title: "Operator: {{kind}}",
      text: "the operator took a step of this kind",
      tone: "purple",
    },
    {
      name: "Configurations",
      expr: `max(changes(rstore_raft_configuration_index{${inStore}}[1m])) > 0`,
      title: "Members changed",
      text: "a configuration came into force",
      tone: "orange",
    },
    {
      name: "Restarts",
      expr: `time() - max by (replica) (process_start_time_seconds{job="rstore",${inStore}}) < 60`,
      title: "Restart: {{replica}}",
      text: "{{replica}} was started anew",
      tone: "red",
    },
  ];
}

function health(): PanelSpec[] {
  const none = "No replica of this store is scraped.";
  return [
    stat({
      title: "Leader",
      description:
        "The replica that leads. Without one nothing can be written; an election takes a second or two.",
      noData: "No leader",
      queries: one(`rstore_raft_is_leader{${inStore}} == 1`, "{{replica}}"),
      values: [{ value: 1, text: "leads", tone: "green" }],
      showsName: true,
    }),
    stat({
      title: "Losses it survives",
      description:
        "Voters that may still be lost before nothing can be written, as the leader hears of them. Below 0: it has lost its majority.",
      noData: "No leader: not known",
      queries: one(`max(rstore_raft_failures_tolerated{${inStore}})`),
      steps: betterFrom([
        [0, "orange"],
        [1, "green"],
      ]),
    }),
    stat({
      title: "Voters",
      description: "Members with a vote in the configuration in force. Learners have none yet.",
      noData: none,
      queries: one(`max(rstore_raft_configuration_members{${inStore},kind="voter"})`),
    }),
    stat({
      title: "Answer",
      description: "Replicas that can be scraped.",
      noData: none,
      queries: one(`sum(up{job="rstore",${inStore}})`),
    }),
    stat({
      title: "Replicas ready",
      description: "Replicas that serve linearizable requests.",
      noData: none,
      queries: one(`sum(rstore_replica_ready{${inStore}})`),
    }),
    stat({
      title: "Alerts",
      description: "Alerts that fire for this store; the list below names them.",
      noData: none,
      queries: one(`count(ALERTS{alertname=~"Rstore.+",alertstate="firing",${inStore}}) or vector(0)`),
      steps: worseFrom([[1, "red"]]),
    }),
    stat({
      title: "Change of members",
      description: "Joint: between two configurations, for a moment. For minutes: it is stuck.",
      noData: none,
      queries: one(`max(rstore_raft_configuration_joint{${inStore}})`),
      values: [
        { value: 0, text: "none", tone: "green" },
        { value: 1, text: "joint", tone: "orange" },
      ],
    }),
    stat({
      title: "Keys",
      description: "Keys in the store.",
      noData: none,
      unit: "short",
      queries: one(`max(rstore_store_keys{${inStore}})`),
      withGraph: true,
    }),
    table({
      title: "Alerts that fire",
      description: "What is wrong with this store now. The page docs/runbooks/<Alert>.md says what to do.",
      noData: "Nothing fires.",
      width: 12,
      height: 7,
      keys: { severity: "Severity", alertname: "Alert", replica: "Replica" },
      columns: [
        {
          title: "Firing",
          expr: `count by (severity, alertname, replica) (ALERTS{alertname=~"Rstore.+",alertstate="firing",${inStore}})`,
        },
      ],
    }),
    stateTimeline({
      title: "Problems",
      description:
        "Reasons why a replica does not serve, or not everything, as it says itself. quota and disk-low: puts are refused.",
      noData: "No replica reports a problem.",
      values: [{ value: 1, text: "yes", tone: "orange" }],
      queries: one(`rstore_replica_problem{${inReplicas}} == 1`, "{{replica}}: {{kind}}"),
    }),
  ];
}

function members(): RowSpec {
  const none = "No replica of this store is scraped.";
  return {
    title: "Members",
    panels: [
      stateTimeline({
        title: "Roles",
        description: "Who led when, and who came and went. Gaps: the replica could not be scraped.",
        noData: none,
        values: roleNames,
        queries: one(roleNumber(inReplicas), "{{replica}}"),
      }),
      stateTimeline({
        title: "Members as the leader hears them",
        description: "Whether the leader heard of each other member within an election timeout.",
        noData: "No leader, or it is alone.",
        values: [
          { value: 0, text: "silent", tone: "red" },
          { value: 1, text: "heard", tone: "green" },
        ],
        queries: one(`max by (peer_name) (rstore_raft_peer_active{${inStore}})`, "{{peer_name}}"),
      }),
      stateTimeline({
        title: "Configuration",
        description:
          "Members by kind over time: a change adds learners, then goes through a joint configuration with outgoing members.",
        noData: none,
        values: Array.from({ length: 10 }, (_, value) => ({
          value,
          text: `${value}`,
          tone: value === 0 ? ("text" as const) : ("blue" as const),
        })),
        queries: one(`max by (kind) (rstore_raft_configuration_members{${inStore}})`, "{{kind}}"),
      }),
      stateTimeline({
        title: "Ready",
        description: "Whether each replica serves linearizable requests.",
        noData: none,
        values: [
          { value: 0, text: "not ready", tone: "red" },
          { value: 1, text: "ready", tone: "green" },
        ],
        queries: one(`rstore_replica_ready{${inReplicas}}`, "{{replica}}"),
      }),
    ],
  };
}

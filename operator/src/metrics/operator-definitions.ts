import { type CountedDefinition, flag, type ScrapedDefinition } from "@rstore/replica/metrics/definition";
import type { StepBody } from "../plan/step.ts";
import { errorReasons, errorSources } from "./error-labels.ts";

/** On every metric of a store. */
export const storeLabels = { namespace: "store", store: "store" } as const;

/** What the operator says about itself at a scrape. Times are of the epoch. */
export interface OperatorReading {
  readonly version: string;
  /** Of Node.js. */
  readonly node: string;
  readonly leads: boolean;
  readonly queueDepth: number;
  /** Stores that are being looked at. */
  readonly queueActive: number;
  /** How long the longest look under way has taken; 0: none is. */
  readonly lookUnderWaySeconds: number;
  /** undefined: it does not lead, and listens to nothing. */
  readonly apiServerContactSeconds: number | undefined;
}

export const operatorScraped: readonly ScrapedDefinition<OperatorReading>[] = [
  {
    name: "rstore_operator_build_info",
    help: "1, with the versions of the operator and of Node.js.",
    type: "gauge",
    labels: { version: "self", node: "self" },
    read: ({ version, node }) => [{ labels: { version, node }, value: 1 }],
  },
  {
    name: "rstore_operator_is_leader",
    help: "1 while this operator is the one that acts.",
    type: "gauge",
    read: ({ leads }) => flag(leads),
  },
  {
    name: "rstore_operator_queue_depth",
    help: "Stores that wait to be looked at.",
    type: "gauge",
    read: ({ queueDepth }) => queueDepth,
  },
  {
    name: "rstore_operator_queue_active",
    help: "Stores that are being looked at.",
    type: "gauge",
    read: ({ queueActive }) => queueActive,
  },
  {
    name: "rstore_operator_reconcile_under_way_seconds",
    help: "How long the longest look under way has taken; 0: none is. It grows while the operator is stuck.",
    type: "gauge",
    read: ({ lookUnderWaySeconds }) => lookUnderWaySeconds,
  },
  {
    name: "rstore_operator_api_server_contact_timestamp_seconds",
    help: "When the watches last heard of the API server, of the one that heard nothing for longest; only while it leads.",
    type: "gauge",
    read: ({ apiServerContactSeconds }) => apiServerContactSeconds,
  },
];

const stepKinds: Readonly<Record<StepBody["kind"], true>> = {
  startSlot: true,
  stopSlots: true,
  restartSlot: true,
  deleteClaim: true,
  bootstrap: true,
  changeMembership: true,
  transferLeadership: true,
  resetMember: true,
  setBudget: true,
  setTemplate: true,
  latch: true,
  clearLatch: true,
  recordBootstrap: true,
  recordClusterId: true,
  recordScaleOut: true,
  finishDeletion: true,
  event: true,
};

export const operatorCounted = {
  reconciles: {
    name: "rstore_operator_reconciles_total",
    help: "Looks at stores, by how they ended.",
    type: "counter",
    labels: { result: ["ok", "error"] },
  },
  reconcileDuration: {
    name: "rstore_operator_reconcile_duration_seconds",
    help: "Time of one look at a store, with what was done about it.",
    type: "histogram",
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120],
  },
  reconcileErrors: {
    name: "rstore_operator_reconcile_errors_total",
    help: "Looks that ended with an error, by what refused (the API server, a replica, or the operator itself) and why.",
    type: "counter",
    labels: { source: errorSources, reason: errorReasons },
  },
  queueWait: {
    name: "rstore_operator_queue_wait_seconds",
    help: "Time that a store waits until it is looked at, from when it was due.",
    type: "histogram",
    buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
  },
  steps: {
    name: "rstore_operator_steps_total",
    help: "Steps of plans for a store, by kind and by whether they were carried out.",
    type: "counter",
    labels: { ...storeLabels, kind: Object.keys(stepKinds), result: ["taken", "refused"] },
  },
} as const satisfies Record<string, CountedDefinition>;

import type { Timing } from "../timing.ts";
import type { Alert } from "./alert.ts";
import { aReplica, aStore, byReplica, histogram, replicaLabels, storeLabels, testReplica } from "./series.ts";

const call = 'service="rstore.v1.KvService",method="Put"';

/** Of probes and clients that look for a replica, a minute. */
function healthChecks(code: string, perMinute: number): Record<string, string> {
  const check = 'service="grpc.health.v1.Health",method="Watch"';
  return { [`rstore_rpc_requests_total{${testReplica(0)},${check},code="${code}"}`]: `0+${perMinute}x60` };
}

function answers(ok: number, code: string, others: number): Record<string, string> {
  return {
    [`rstore_rpc_requests_total{${testReplica(0)},${call},code="ok"}`]: `0+${ok}x60`,
    [`rstore_rpc_requests_total{${testReplica(0)},${call},code="${code}"}`]: `0+${others}x60`,
  };
}

function durations(perMinute: Readonly<Record<string, number>>): Record<string, string> {
  return histogram("rstore_rpc_request_duration_seconds", `${testReplica(0)},${call}`, perMinute);
}

/** What callers feel. */
export function requestAlerts(timing: Timing): Alert[] {
  const window = timing.duration("5m");
  return [
    {
      name: "RstoreRequestsFailing",
      severity: "critical",
      expr: "store:rstore_rpc_request_failures:ratio_rate5m > 0.05",
      for: timing.duration("5m"),
      summary: `Requests to ${aStore} fail`,
      description:
        `{{ $value | humanizePercentage }} of the requests to ${aStore} fail for reasons that are not ` +
        "their callers'.",
      fires: {
        series: { ...answers(90, "unavailable", 10), ...healthChecks("ok", 1000) },
        at: "20m",
        labels: storeLabels,
        says: "10% of the requests to shop/carts fail for reasons that are not their callers'.",
      },
      quiet: { series: answers(90, "invalid_argument", 10), at: "20m" },
      // Each Watch ends by its deadline.
      alsoQuiet: [
        {
          series: { ...answers(90, "invalid_argument", 0), ...healthChecks("deadline_exceeded", 20) },
          at: "20m",
        },
      ],
    },
    {
      name: "RstoreRequestsSlow",
      severity: "warning",
      expr: "store:rstore_rpc_request_duration_seconds:p99 > 1",
      for: timing.duration("10m"),
      summary: `Requests to ${aStore} are slow`,
      description: `One in a hundred requests to ${aStore} takes {{ $value | humanizeDuration }} or longer.`,
      fires: {
        series: durations({ "0.01": 90, "1": 0, "2.5": 10 }),
        at: "30m",
        labels: storeLabels,
        says: "One in a hundred requests to shop/carts takes 2.35s or longer.",
      },
      quiet: { series: durations({ "0.01": 90, "1": 10, "2.5": 0 }), at: "30m" },
    },
    {
      name: "RstoreRequestsRefused",
      severity: "warning",
      expr:
        `sum ${byReplica} (rate(rstore_rpc_requests_total{code="resource_exhausted"}[${window}])) / ` +
        `(sum ${byReplica} (rate(rstore_rpc_requests_total[${window}])) > 0) > 0.01`,
      for: timing.duration("5m"),
      summary: "{{ $labels.namespace }}/{{ $labels.replica }} refuses requests: a limit was reached",
      description:
        `{{ $value | humanizePercentage }} of the requests to ${aReplica} are refused because a limit or ` +
        "the quota was reached.",
      fires: {
        series: answers(90, "resource_exhausted", 10),
        at: "20m",
        labels: replicaLabels(0),
        says: "10% of the requests to carts-0 of shop/carts are refused because a limit or the quota was reached.",
      },
      quiet: { series: answers(1000, "resource_exhausted", 5), at: "20m" },
    },
    {
      name: "RstoreConnectionsRefused",
      severity: "warning",
      expr: `sum ${byReplica} (increase(rstore_rpc_connections_refused_total[${timing.duration("3m")}])) > 0`,
      for: timing.duration("5m"),
      summary: "{{ $labels.namespace }}/{{ $labels.replica }} refuses connections",
      description:
        `${aReplica} closed {{ $value | printf "%.0f" }} connections in 3 minutes because it had too ` +
        "many.",
      fires: {
        series: { [`rstore_rpc_connections_refused_total{${testReplica(0)}}`]: "0+2x30" },
        at: "20m",
        labels: replicaLabels(0),
        says: "carts-0 of shop/carts closed 6 connections in 3 minutes because it had too many.",
      },
      quiet: { series: { [`rstore_rpc_connections_refused_total{${testReplica(0)}}`]: "7x30" }, at: "20m" },
      alsoQuiet: [
        { series: { [`rstore_rpc_connections_refused_total{${testReplica(0)}}`]: "0x10 1x20" }, at: "17m" },
      ],
    },
  ];
}

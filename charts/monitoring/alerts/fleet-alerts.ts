import { secondsOf, type Timing } from "../timing.ts";
import type { Alert } from "./alert.ts";
import { allBlank, aStore, byStore, ofThree, storeLabels, testReplica, testStore } from "./series.ts";

function series(metric: string, values: string, more = ""): Record<string, string> {
  return { [`rstore_operator_store_${metric}{${testStore}${more}}`]: values };
}

function condition(name: string, status: string, values: string): Record<string, string> {
  return series("condition", values, `,condition="${name}",status="${status}"`);
}

/** What the operator says about stores. */
export function fleetAlerts(timing: Timing): Alert[] {
  return [...conditions(timing), ...members(timing), ...changes(timing)];
}

function conditions(timing: Timing): Alert[] {
  const notFounded = 'rstore_operator_store_info{cluster=""}';
  const blank = (values: string) => series("info", values, ',cluster=""');
  const founded = (values: string) => series("info", values, ',cluster="00000000000000aa"');
  const lastLook = "rstore_operator_store_last_look_timestamp_seconds";
  const window = timing.duration("15m");
  const looked = (values: string) => series("last_look_timestamp_seconds", values);
  const replica = (values: string) => ({ [`up{${testReplica(0)},job="rstore"}`]: values });
  return [
    {
      name: "RstoreStoreUnavailable",
      severity: "critical",
      expr:
        `max ${byStore} (rstore_operator_store_condition{condition="Available",status="False"}) == 1 ` +
        `unless on (namespace, store) ${notFounded}`,
      for: timing.duration("2m"),
      summary: `${aStore} is not available`,
      description: `The operator says that ${aStore} does not serve (Available is False) for more than two minutes.`,
      fires: {
        series: { ...condition("Available", "False", "1x20"), ...founded("1x20") },
        at: "5m",
        labels: storeLabels,
        says: "The operator says that shop/carts does not serve (Available is False) for more than two minutes.",
      },
      quiet: { series: condition("Available", "False", "0x3 1x1 0x20"), at: "5m" },
      alsoQuiet: [{ series: { ...condition("Available", "False", "1x20"), ...blank("1x20") }, at: "5m" }],
    },
    {
      name: "RstoreStoreNotFounded",
      severity: "warning",
      expr: `max ${byStore} (${notFounded}) or ${allBlank}`,
      for: timing.duration("15m"),
      summary: `${aStore} was not founded`,
      description:
        `${aStore} has had no cluster for 15 minutes: it does not serve. Its condition Progressing says what ` +
        "it waits for.",
      fires: {
        series: blank("1x30"),
        at: "20m",
        labels: storeLabels,
        says: "shop/carts has had no cluster for 15 minutes: it does not serve. Its condition Progressing says what it waits for.",
      },
      alsoFires: [
        {
          series: ofThree("rstore_replica_role", ["1x30", "1x30", "_x9 1x20"], ',role="uninitialized"'),
          at: "20m",
          labels: storeLabels,
          says: "shop/carts has had no cluster for 15 minutes: it does not serve. Its condition Progressing says what it waits for.",
        },
      ],
      quiet: { series: { ...blank("1x10 stale"), ...founded("_x10 1x20") }, at: "20m" },
      // A disk that was replaced.
      alsoQuiet: [
        {
          series: ofThree("rstore_replica_role", ["0x30", "0x30", "1x30"], ',role="uninitialized"'),
          at: "20m",
        },
      ],
    },
    {
      name: "RstoreStoreNotObserved",
      severity: "warning",
      expr: `max ${byStore} (rstore_operator_store_condition{condition="Available",status="Unknown"}) == 1`,
      for: timing.duration("10m"),
      summary: `The operator does not know whether ${aStore} is available`,
      description:
        `The operator has reached no majority of ${aStore} (Available is Unknown) for more than ten ` +
        "minutes: it serves or it does not, and nothing is repaired.",
      fires: {
        series: condition("Available", "Unknown", "1x20"),
        at: "15m",
        labels: storeLabels,
        says: "The operator has reached no majority of shop/carts (Available is Unknown) for more than ten minutes: it serves or it does not, and nothing is repaired.",
      },
      quiet: { series: condition("Available", "Unknown", "1x8 0x20"), at: "15m" },
    },
    {
      name: "RstoreStoreDegraded",
      severity: "warning",
      expr: `max ${byStore} (rstore_operator_store_condition{condition="Degraded",status="True"}) == 1`,
      for: timing.duration("15m"),
      summary: `${aStore} is degraded`,
      description:
        `The operator says that ${aStore} is not at its full strength (Degraded is True) for more than ` +
        "15 minutes; the condition's message says why.",
      fires: {
        series: condition("Degraded", "True", "1x30"),
        at: "20m",
        labels: storeLabels,
        says: "The operator says that shop/carts is not at its full strength (Degraded is True) for more than 15 minutes; the condition's message says why.",
      },
      quiet: { series: condition("Degraded", "True", "1x10 0x1 1x20"), at: "20m" },
    },
    {
      name: "RstoreOperatorNotLooking",
      severity: "warning",
      // An operator that ends again and again has no series most of the time, one that is stuck may have none. A
      // store that was deleted has no replicas.
      expr:
        `time() - max ${byStore} (${lastLook}) > ${secondsOf("5m")} ` +
        `or time() - max ${byStore} (max_over_time(${lastLook}[${window}])) > ${secondsOf("5m")} ` +
        `and on (namespace, store) up{job="rstore"} ` +
        `or count ${byStore} (up{job="rstore"} and on (namespace, store) up{job="rstore"} offset ${timing.duration("10m")}) * 0 + ${secondsOf("15m")} ` +
        `unless on (namespace, store) max_over_time(${lastLook}[${window}])`,
      for: timing.duration("1m"),
      summary: `The operator does not look at ${aStore}`,
      description:
        `The operator last looked at ${aStore} with success {{ $value | humanizeDuration }} ago or longer: its ` +
        "status is old, and nothing is repaired.",
      fires: {
        series: looked("0x30"),
        at: "10m",
        labels: storeLabels,
        says: "The operator last looked at shop/carts with success 10m 0s ago or longer: its status is old, and nothing is repaired.",
      },
      alsoFires: [
        {
          series: { ...looked("0 stale _x3 0 stale"), ...replica("1x60") },
          at: "10m",
          labels: storeLabels,
          says: "The operator last looked at shop/carts with success 10m 0s ago or longer: its status is old, and nothing is repaired.",
        },
        {
          series: { ...looked("0+60x20 stale"), ...replica("1x60") },
          at: "40m",
          labels: storeLabels,
          says: "The operator last looked at shop/carts with success 15m 0s ago or longer: its status is old, and nothing is repaired.",
        },
      ],
      quiet: { series: looked("0 0 0 0 240x30"), at: "8m" },
      alsoQuiet: [
        // Another operator takes over.
        { series: { ...looked("0+60x3 stale _x2 420+60x20"), ...replica("1x60") }, at: "6m" },
        // A new store, or a new Prometheus.
        { series: replica("1x60"), at: "8m" },
        // The store was deleted.
        { series: { ...looked("0+60x10 stale"), ...replica("1x10 stale") }, at: "18m" },
      ],
    },
    {
      name: "RstoreStorePaused",
      severity: "info",
      expr: `max ${byStore} (rstore_operator_store_paused) == 1`,
      for: timing.duration("4h"),
      summary: `${aStore} is paused`,
      description:
        `spec.paused has kept the operator from changing anything about ${aStore} for four hours: lost ` +
        "members are not replaced.",
      fires: {
        series: series("paused", "1x300"),
        at: "5h",
        labels: storeLabels,
        says: "spec.paused has kept the operator from changing anything about shop/carts for four hours: lost members are not replaced.",
      },
      quiet: { series: series("paused", "1x200 0x100"), at: "5h" },
    },
  ];
}

function members(timing: Timing): Alert[] {
  const health = (name: string, values: string) =>
    series("members", values, `,role="Follower",health="${name}"`);
  return [
    {
      name: "RstoreMemberLost",
      severity: "warning",
      expr: `max ${byStore} (sum by (namespace, store, pod) (rstore_operator_store_members{health="Lost"})) > 0`,
      for: timing.duration("10m"),
      summary: `${aStore} has lost a member`,
      description:
        `{{ $value }} members of ${aStore} are lost with their disk or their node and have not been ` +
        "replaced for ten minutes.",
      fires: {
        series: { ...health("Lost", "1x30"), ...health("Healthy", "1x30") },
        at: "15m",
        labels: storeLabels,
        says: "1 members of shop/carts are lost with their disk or their node and have not been replaced for ten minutes.",
      },
      quiet: { series: { ...health("Lost", "1x5 0x20"), ...health("Unreachable", "1x30") }, at: "15m" },
    },
    {
      name: "RstoreClaimsLost",
      severity: "critical",
      expr: `max ${byStore} (rstore_operator_store_claims_lost) > 0`,
      for: timing.duration("5m"),
      summary: `Volumes of ${aStore} are gone`,
      description: `{{ $value }} volumes of ${aStore} are gone.`,
      fires: {
        series: series("claims_lost", "2x30"),
        at: "10m",
        labels: storeLabels,
        says: "2 volumes of shop/carts are gone.",
      },
      quiet: { series: series("claims_lost", "2x3 0x20"), at: "10m" },
    },
    {
      name: "RstoreReplicaDamaged",
      severity: "critical",
      expr: `max ${byStore} (rstore_operator_store_replicas_reported{report="damaged"}) > 0`,
      for: timing.duration("1m"),
      summary: `A disk of ${aStore} is damaged`,
      description: `{{ $value }} replicas of ${aStore} say that their disk is damaged, cut off, or an old copy.`,
      fires: {
        series: series("replicas_reported", "1x30", ',report="damaged"'),
        at: "5m",
        labels: storeLabels,
        says: "1 replicas of shop/carts say that their disk is damaged, cut off, or an old copy.",
      },
      quiet: { series: series("replicas_reported", "1x30", ',report="silent"'), at: "5m" },
    },
    {
      name: "RstoreReplicasMissing",
      severity: "warning",
      expr: `max ${byStore} (rstore_operator_store_replicas_wanted) - max ${byStore} (rstore_operator_store_replicas_ready) > 0`,
      for: timing.duration("15m"),
      summary: `${aStore} has fewer ready replicas than wanted`,
      description: `{{ $value }} of the replicas that ${aStore} is to have are not ready for 15 minutes.`,
      fires: {
        series: { ...series("replicas_wanted", "3x30"), ...series("replicas_ready", "2x30") },
        at: "20m",
        labels: storeLabels,
        says: "1 of the replicas that shop/carts is to have are not ready for 15 minutes.",
      },
      quiet: {
        series: { ...series("replicas_wanted", "3x30"), ...series("replicas_ready", "3x30") },
        at: "20m",
      },
    },
  ];
}

function changes(timing: Timing): Alert[] {
  const started = (values: string) =>
    series("change_started_timestamp_seconds", values, ',kind="ChangeMembership"');
  return [
    {
      name: "RstoreChangeStalled",
      severity: "warning",
      expr:
        "time() - max by (namespace, store, kind) (rstore_operator_store_change_started_timestamp_seconds) " +
        `> ${secondsOf("15m")}`,
      summary: `A change of ${aStore} makes no progress: {{ $labels.kind }}`,
      description:
        `The step {{ $labels.kind }} of ${aStore} began {{ $value | humanizeDuration }} ago and has not ` +
        "come to its end; no other one begins meanwhile.",
      fires: {
        series: started("0x30"),
        at: "20m",
        labels: { ...storeLabels, kind: "ChangeMembership" },
        says: "The step ChangeMembership of shop/carts began 20m 0s ago and has not come to its end; no other one begins meanwhile.",
      },
      quiet: { series: started("0x10 600x20"), at: "20m" },
    },
    {
      name: "RstoreProgressStalled",
      severity: "warning",
      expr: `max ${byStore} (rstore_operator_store_condition{condition="Progressing",status="True"}) == 1`,
      for: timing.duration("1h"),
      summary: `${aStore} does not settle`,
      description:
        `${aStore} has been on its way to its spec for an hour (Progressing is True); the condition's ` +
        "message says what it waits for.",
      fires: {
        series: condition("Progressing", "True", "1x90"),
        at: "70m",
        labels: storeLabels,
        says: "shop/carts has been on its way to its spec for an hour (Progressing is True); the condition's message says what it waits for.",
      },
      quiet: { series: condition("Progressing", "True", "1x30 0x1 1x60"), at: "70m" },
    },
  ];
}

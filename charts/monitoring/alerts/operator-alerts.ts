import { secondsOf, type Timing } from "../timing.ts";
import type { Alert } from "./alert.ts";
import { histogram } from "./series.ts";

const operator = 'namespace="rstore-system",pod="rstore-1"';

/** The operator itself; what it says about stores is in `fleet-alerts.ts`. */
export function operatorAlerts(timing: Timing): Alert[] {
  return [...presence(timing), restarts(timing), ...work(timing)];
}

function restarts(timing: Timing): Alert {
  const started = (values: string, job = "rstore-operator") => ({
    [`process_start_time_seconds{${operator},job="${job}"}`]: values,
  });
  return {
    name: "RstoreOperatorRestarts",
    severity: "warning",
    // Longer than three of the kubelet's longest pauses between two starts.
    expr: `max by (namespace, pod) (changes(process_start_time_seconds{job="rstore-operator"}[${timing.duration("30m")}])) >= 3`,
    summary: "The operator {{ $labels.namespace }}/{{ $labels.pod }} restarts again and again",
    description:
      "The operator {{ $labels.pod }} in {{ $labels.namespace }} was started anew {{ $value }} times in 30 minutes: " +
      "each time it takes the lease and looks at all stores from the beginning.",
    fires: {
      series: started("100x6 stale 500x6 stale 1000x6 stale 1500x6"),
      at: "26m",
      labels: { namespace: "rstore-system", pod: "rstore-1" },
      says: "The operator rstore-1 in rstore-system was started anew 3 times in 30 minutes: each time it takes the lease and looks at all stores from the beginning.",
    },
    quiet: { series: started("100x6 stale 500x6 stale 1000x20"), at: "26m" },
    alsoQuiet: [{ series: started("100x6 stale 500x6 stale 1000x6 stale 1500x6", "rstore"), at: "26m" }],
  };
}

function presence(timing: Timing): Alert[] {
  const up = (value: string) => ({ [`up{${operator},job="rstore-operator"}`]: value });
  const leads = (one: string, two: string) => ({
    [`rstore_operator_is_leader{${operator}}`]: one,
    'rstore_operator_is_leader{namespace="rstore-system",pod="rstore-2"}': two,
  });
  const contact = (value: string) => ({
    [`rstore_operator_api_server_contact_timestamp_seconds{${operator}}`]: value,
  });
  return [
    {
      name: "RstoreOperatorDown",
      severity: "warning",
      // One release after the other; where none is known, there is no namespace to name.
      expr: 'max by (namespace) (up{job="rstore-operator"}) == 0 or absent(max(up{job="rstore-operator"}))',
      for: timing.duration("5m"),
      summary: "No operator of rstore answers",
      description:
        "No operator of rstore{{ with $labels.namespace }} in {{ . }}{{ end }} could be scraped for five minutes" +
        '{{ range query `count(up{job="rstore"})` }} while ' +
        "{{ .Value }} replicas are known{{ end }}: stores go on, but nothing is repaired, scaled or rolled out.",
      fires: {
        series: {
          ...up("1x2 0x30"),
          'up{namespace="team-b",pod="rstore-1",job="rstore-operator"}': "1x30",
          'up{namespace="shop",store="carts",replica="carts-0",job="rstore"}': "1x30",
        },
        at: "10m",
        labels: { namespace: "rstore-system" },
        says: "No operator of rstore in rstore-system could be scraped for five minutes while 1 replicas are known: stores go on, but nothing is repaired, scaled or rolled out.",
      },
      alsoFires: [
        {
          series: up("1x2 stale"),
          at: "10m",
          labels: {},
          says: "No operator of rstore could be scraped for five minutes: stores go on, but nothing is repaired, scaled or rolled out.",
        },
      ],
      quiet: {
        series: {
          ...up("1x30"),
          'up{namespace="rstore-system",pod="rstore-2",job="rstore-operator"}': "0x30",
        },
        at: "10m",
      },
    },
    {
      name: "RstoreOperatorNotLeading",
      severity: "warning",
      expr: "sum by (namespace) (rstore_operator_is_leader) == 0",
      for: timing.duration("2m"),
      summary: "None of the operators in {{ $labels.namespace }} leads",
      description:
        "Operators answer in {{ $labels.namespace }}, but none of them has had the lease for two minutes: " +
        "nothing is repaired, scaled or rolled out.",
      fires: {
        series: leads("1x2 0x20", "0x30"),
        at: "10m",
        labels: { namespace: "rstore-system" },
        says: "Operators answer in rstore-system, but none of them has had the lease for two minutes: nothing is repaired, scaled or rolled out.",
      },
      quiet: { series: leads("1x8 0x20", "0x9 1x20"), at: "10m" },
    },
    {
      name: "RstoreOperatorCutOff",
      severity: "warning",
      expr: `time() - min by (namespace, pod) (rstore_operator_api_server_contact_timestamp_seconds) > ${secondsOf("10m")}`,
      for: timing.duration("1m"),
      summary: "The operator {{ $labels.namespace }}/{{ $labels.pod }} hears nothing from the API server",
      description:
        "The watches of {{ $labels.pod }} in {{ $labels.namespace }} last heard of the API server " +
        "{{ $value | humanizeDuration }} ago.",
      fires: {
        series: contact("60x30"),
        at: "15m",
        labels: { namespace: "rstore-system", pod: "rstore-1" },
        says: "The watches of rstore-1 in rstore-system last heard of the API server 14m 0s ago.",
      },
      quiet: { series: contact("0+60x30"), at: "15m" },
    },
  ];
}

function work(timing: Timing): Alert[] {
  const window = timing.duration("10m");
  const looks = (ok: number, error: number) => ({
    [`rstore_operator_reconciles_total{${operator},result="ok"}`]: `0+${ok}x60`,
    [`rstore_operator_reconciles_total{${operator},result="error"}`]: `0+${error}x60`,
  });
  const underWay = (values: string) => ({
    [`rstore_operator_reconcile_under_way_seconds{${operator}}`]: values,
  });
  const waits = (perMinute: Readonly<Record<string, number>>) =>
    histogram("rstore_operator_queue_wait_seconds", operator, perMinute);
  return [
    {
      name: "RstoreOperatorStuck",
      severity: "warning",
      expr: `max by (namespace, pod) (rstore_operator_reconcile_under_way_seconds) > ${secondsOf("5m")}`,
      summary: "The operator {{ $labels.namespace }}/{{ $labels.pod }} is stuck",
      description:
        "A look of {{ $labels.pod }} in {{ $labels.namespace }} at a store has been under way for " +
        "{{ $value | humanizeDuration }}.",
      fires: {
        series: underWay("0+60x30"),
        at: "10m",
        labels: { namespace: "rstore-system", pod: "rstore-1" },
        says: "A look of rstore-1 in rstore-system at a store has been under way for 10m 0s.",
      },
      quiet: { series: underWay("200x30"), at: "10m" },
    },
    {
      name: "RstoreOperatorLooksFailing",
      severity: "warning",
      expr:
        `sum by (namespace) (rate(rstore_operator_reconciles_total{result="error"}[${window}])) / ` +
        `(sum by (namespace) (rate(rstore_operator_reconciles_total[${window}])) > 0) > 0.5`,
      for: timing.duration("10m"),
      summary: "Looks of the operator in {{ $labels.namespace }} fail",
      description:
        "{{ $value | humanizePercentage }} of the looks at stores of the operator in {{ $labels.namespace }} " +
        "end with an error.",
      fires: {
        series: looks(1, 3),
        at: "30m",
        labels: { namespace: "rstore-system" },
        says: "75% of the looks at stores of the operator in rstore-system end with an error.",
      },
      quiet: { series: looks(3, 1), at: "30m" },
    },
    {
      name: "RstoreOperatorQueueSlow",
      severity: "warning",
      expr:
        `histogram_quantile(0.99, sum by (namespace, le) (rate(rstore_operator_queue_wait_seconds_bucket[${window}]))) ` +
        "> 60",
      for: timing.duration("15m"),
      summary: "Stores wait long for the operator in {{ $labels.namespace }}",
      description:
        "One in a hundred stores waits {{ $value | humanizeDuration }} or longer until the operator in " +
        "{{ $labels.namespace }} looks at it.",
      fires: {
        series: waits({ "1": 8, "60": 0, "300": 2 }),
        at: "40m",
        labels: { namespace: "rstore-system" },
        says: "One in a hundred stores waits 4m 47s or longer until the operator in rstore-system looks at it.",
      },
      quiet: { series: waits({ "1": 8, "60": 2, "300": 0 }), at: "40m" },
    },
  ];
}

import type { Timing } from "../timing.ts";
import type { Alert } from "./alert.ts";
import {
  aReplica,
  aStore,
  byReplica,
  byStore,
  ofThree,
  replicaLabels,
  storeLabels,
  testReplica,
} from "./series.ts";

/** Far behind, or behind and silent: then few entries may be many bytes. */
const behind =
  "label_replace(rstore_raft_peer_lag_entries > 1000 or " +
  "rstore_raft_peer_lag_entries > 0 and rstore_raft_peer_active == 0, " +
  '"replica", "$1", "peer_name", "(.+)")';

/** From kube-state-metrics, where there is one; its series know the pod and not the store. */
const lastExitCode =
  'label_replace(kube_pod_container_status_last_terminated_exitcode{container="replica"}, ' +
  '"replica", "$1", "pod", "(.+)") * on (namespace, replica) group_left (store) ' +
  `max ${byReplica} (up{job="rstore"} * 0 + 1)`;

export function replicaAlerts(timing: Timing): Alert[] {
  return [...availability(timing), ...replication(timing), ...peers(timing), ...data(timing)];
}

function availability(timing: Timing): Alert[] {
  const window = timing.duration("15m");
  return [
    {
      name: "RstoreReplicaDown",
      severity: "warning",
      expr: `max ${byReplica} (up{job="rstore"}) == 0`,
      for: timing.duration("5m"),
      summary: "{{ $labels.namespace }}/{{ $labels.replica }} does not answer",
      description:
        `The replica ${aReplica} could not be scraped for five minutes: it ended, hangs, or can't be ` +
        "reached.",
      fires: {
        series: ofThree("up", ["1x5 0x20", "1x25", "1x25"], ',job="rstore"'),
        at: "15m",
        labels: replicaLabels(0),
        says: "The replica carts-0 of shop/carts could not be scraped for five minutes: it ended, hangs, or can't be reached.",
      },
      quiet: { series: ofThree("up", ["1x11 0x13", "1x25", "1x25"], ',job="rstore"'), at: "15m" },
    },
    {
      name: "RstoreReplicaNotReady",
      severity: "warning",
      expr: `max ${byReplica} (rstore_replica_ready) == 0`,
      for: timing.duration("10m"),
      summary: "{{ $labels.namespace }}/{{ $labels.replica }} is not ready",
      description: `The replica ${aReplica} answers and has not been ready to serve for ten minutes.`,
      fires: {
        series: ofThree("rstore_replica_ready", ["0x30", "1x30", "1x30"]),
        at: "15m",
        labels: replicaLabels(0),
        says: "The replica carts-0 of shop/carts answers and has not been ready to serve for ten minutes.",
      },
      quiet: { series: ofThree("rstore_replica_ready", ["0x9 1x20", "1x30", "1x30"]), at: "15m" },
    },
    {
      name: "RstoreReplicaRestarts",
      severity: "warning",
      // A pod that was made anew has another address and so a series of its own.
      expr:
        `sum ${byReplica} (changes(process_start_time_seconds{job="rstore"}[${window}])) + ` +
        `count ${byReplica} (last_over_time(process_start_time_seconds{job="rstore"}[${window}])) - 1 >= 3`,
      summary: "{{ $labels.namespace }}/{{ $labels.replica }} restarts again and again",
      description: `The replica ${aReplica} was started {{ $value | printf "%.0f" }} times in 15 minutes.`,
      fires: {
        series: {
          [`process_start_time_seconds{${testReplica(0)},job="rstore"}`]: "100x3 200x3 300x3 400x10",
        },
        at: "12m",
        labels: replicaLabels(0),
        says: "The replica carts-0 of shop/carts was started 3 times in 15 minutes.",
      },
      quiet: {
        series: {
          [`process_start_time_seconds{${testReplica(0)},job="rstore",instance="a"}`]: "100x3 200x3 _x10",
          [`process_start_time_seconds{${testReplica(0)},job="rstore",instance="b"}`]: "_x8 300x10",
        },
        at: "12m",
      },
    },
    {
      name: "RstoreVersionsDiffer",
      severity: "info",
      expr: `count ${byStore} (count by (namespace, store, version) (rstore_build_info)) > 1`,
      for: timing.duration("1h"),
      summary: `${aStore} has run several versions for an hour`,
      description:
        `The replicas of ${aStore} run {{ $value }} versions: an upgrade began and has not come to its ` +
        "end.",
      fires: {
        series: {
          [`rstore_build_info{${testReplica(0)},version="0.1.0"}`]: "1x90",
          [`rstore_build_info{${testReplica(1)},version="0.2.0"}`]: "1x90",
        },
        at: "80m",
        labels: storeLabels,
        says: "The replicas of shop/carts run 2 versions: an upgrade began and has not come to its end.",
      },
      quiet: {
        series: {
          [`rstore_build_info{${testReplica(0)},version="0.1.0"}`]: "1x20 _x70",
          [`rstore_build_info{${testReplica(0)},version="0.2.0"}`]: "_x20 1x70",
          [`rstore_build_info{${testReplica(1)},version="0.2.0"}`]: "1x90",
        },
        at: "80m",
      },
    },
  ];
}

function replication(timing: Timing): Alert[] {
  const lag = (values: string) => ({
    [`rstore_raft_peer_lag_entries{${testReplica(0)},peer="b2",peer_name="carts-1"}`]: values,
  });
  const active = (values: string) => ({
    [`rstore_raft_peer_active{${testReplica(0)},peer="b2",peer_name="carts-1"}`]: values,
  });
  return [
    {
      name: "RstoreReplicaLagging",
      severity: "warning",
      expr: `max ${byReplica} (${behind})`,
      for: timing.duration("5m"),
      summary: "{{ $labels.namespace }}/{{ $labels.replica }} is behind",
      description: `The replica ${aReplica} lacks {{ $value | printf "%.0f" }} entries of the leader's log.`,
      fires: {
        series: { ...lag("80x30"), ...active("0x30") },
        at: "15m",
        labels: replicaLabels(1),
        says: "The replica carts-1 of shop/carts lacks 80 entries of the leader's log.",
      },
      quiet: { series: { ...lag("900x30"), ...active("1x30") }, at: "15m" },
    },
    {
      name: "RstoreApplyLagging",
      severity: "warning",
      expr: `max ${byReplica} (rstore_raft_commit_index - rstore_raft_applied_index) > 1000`,
      for: timing.duration("5m"),
      summary: "{{ $labels.namespace }}/{{ $labels.replica }} applies too slowly",
      description:
        `The replica ${aReplica} has {{ $value | printf "%.0f" }} entries that are committed and not ` +
        "applied: its reads wait.",
      fires: {
        series: {
          ...ofThree("rstore_raft_commit_index", ["9000x30", "9000x30", "9000x30"]),
          ...ofThree("rstore_raft_applied_index", ["9000x30", "7000x30", "9000x30"]),
        },
        at: "15m",
        labels: replicaLabels(1),
        says: "The replica carts-1 of shop/carts has 2000 entries that are committed and not applied: its reads wait.",
      },
      quiet: {
        series: {
          ...ofThree("rstore_raft_commit_index", ["9000x30", "9000x30", "7000x30"]),
          ...ofThree("rstore_raft_applied_index", ["9000x30", "8900x30", "7000x30"]),
        },
        at: "15m",
      },
    },
    {
      name: "RstoreSnapshotsFailing",
      severity: "warning",
      expr:
        `sum ${byStore} (increase(rstore_snapshot_sends_total{result="failed"}[${timing.duration("15m")}])) + ` +
        `sum ${byStore} (increase(rstore_snapshot_installs_total{result="failed"}[${timing.duration("15m")}])) > 3`,
      summary: `Snapshots of ${aStore} fail`,
      description:
        `{{ $value | printf "%.0f" }} snapshots of ${aStore} failed in 15 minutes: the member that needs ` +
        "one does not catch up.",
      fires: {
        series: {
          [`rstore_snapshot_sends_total{${testReplica(0)},result="failed"}`]: "0+0.4x30",
          [`rstore_snapshot_installs_total{${testReplica(1)},result="failed"}`]: "0x30",
        },
        at: "20m",
        labels: storeLabels,
        says: "6 snapshots of shop/carts failed in 15 minutes: the member that needs one does not catch up.",
      },
      quiet: {
        series: {
          [`rstore_snapshot_sends_total{${testReplica(0)},result="ok"}`]: "0+0.4x30",
          [`rstore_snapshot_sends_total{${testReplica(0)},result="failed"}`]: "0x10 1x20",
          [`rstore_snapshot_installs_total{${testReplica(1)},result="failed"}`]: "0x30",
        },
        at: "20m",
      },
    },
    {
      name: "RstoreSnapshotsRepeated",
      severity: "warning",
      expr: `sum ${byReplica} (increase(rstore_snapshot_installs_total{result="ok"}[${timing.duration("1h")}])) > 2.5`,
      summary: "{{ $labels.namespace }}/{{ $labels.replica }} takes one snapshot after another",
      description:
        `The replica ${aReplica} took {{ $value | printf "%.0f" }} snapshots in an hour: it falls behind ` +
        "the log again and again.",
      fires: {
        series: {
          [`rstore_snapshot_installs_total{${testReplica(2)},result="ok"}`]: "0x10 1x10 2x10 3x10 4x30",
        },
        at: "65m",
        labels: replicaLabels(2),
        says: "The replica carts-2 of shop/carts took 4 snapshots in an hour: it falls behind the log again and again.",
      },
      quiet: {
        series: { [`rstore_snapshot_installs_total{${testReplica(2)},result="ok"}`]: "0x10 1x10 2x70" },
        at: "65m",
      },
    },
  ];
}

function peers(timing: Timing): Alert[] {
  const connected = (values: string) => ({
    [`rstore_peer_connected{${testReplica(0)},peer="b2",peer_name="carts-1"}`]: values,
  });
  const refused = (reason: string, values: string) => ({
    [`rstore_peer_refused_total{${testReplica(0)},reason="${reason}"}`]: values,
  });
  return [
    {
      name: "RstorePeersDisconnected",
      severity: "warning",
      // One that is down is another alert's.
      expr:
        "max by (namespace, store, replica, peer_name) (rstore_peer_connected) == 0 " +
        "and on (namespace, store, peer_name) " +
        'label_replace(up{job="rstore"} == 1, "peer_name", "$1", "replica", "(.+)")',
      for: timing.duration("5m"),
      summary: "{{ $labels.namespace }}/{{ $labels.replica }} has no connection to {{ $labels.peer_name }}",
      description:
        `Both replicas answer, but ${aReplica} has had no connection to {{ $labels.peer_name }} for five ` +
        "minutes.",
      fires: {
        series: { ...connected("0x30"), ...ofThree("up", ["1x30", "1x30", "1x30"], ',job="rstore"') },
        at: "15m",
        labels: { ...replicaLabels(0), peer_name: "carts-1" },
        says: "Both replicas answer, but carts-0 of shop/carts has had no connection to carts-1 for five minutes.",
      },
      quiet: {
        series: { ...connected("0x30"), ...ofThree("up", ["1x30", "0x30", "1x30"], ',job="rstore"') },
        at: "15m",
      },
    },
    {
      name: "RstorePeerRefused",
      severity: "warning",
      expr:
        "sum by (namespace, store, replica, reason) (increase(rstore_peer_refused_total" +
        `{reason=~"wrong-cluster|wrong-member|stale-disk|unsupported-version"}[${timing.duration("3m")}])) > 0`,
      for: timing.duration("5m"),
      summary: "{{ $labels.namespace }}/{{ $labels.replica }} refuses a peer: {{ $labels.reason }}",
      description:
        `${aReplica} refused a peer {{ $value | printf "%.0f" }} times in 3 minutes: ` +
        "{{ $labels.reason }}.",
      fires: {
        series: refused("stale-disk", "0+2x30"),
        at: "20m",
        labels: { ...replicaLabels(0), reason: "stale-disk" },
        says: "carts-0 of shop/carts refused a peer 6 times in 3 minutes: stale-disk.",
      },
      quiet: { series: refused("not-ready", "0+2x30"), at: "20m" },
      alsoQuiet: [{ series: refused("wrong-member", "0x10 1x20"), at: "17m" }],
    },
  ];
}

function data(timing: Timing): Alert[] {
  const exited = (
    code: number,
    { ready, started }: { readonly ready: string; readonly started: string },
  ) => ({
    'kube_pod_container_status_last_terminated_exitcode{namespace="shop",pod="carts-0",container="replica"}': `_x60 ${code}x90`,
    [`up{${testReplica(0)},job="rstore"}`]: "1x60 0x90",
    [`rstore_replica_ready{${testReplica(0)}}`]: ready,
    [`process_start_time_seconds{${testReplica(0)},job="rstore"}`]: started,
  });
  return [
    {
      name: "RstoreStoreDamaged",
      severity: "critical",
      expr: `max ${byReplica} (rstore_replica_problem{kind="store-lost"}) == 1`,
      for: timing.duration("1m"),
      summary: "{{ $labels.namespace }}/{{ $labels.replica }} lost its store",
      description: `The store of ${aReplica} was damaged or lost and is fetched from a peer.`,
      fires: {
        series: { [`rstore_replica_problem{${testReplica(0)},kind="store-lost"}`]: "1x30" },
        at: "5m",
        labels: replicaLabels(0),
        says: "The store of carts-0 of shop/carts was damaged or lost and is fetched from a peer.",
      },
      quiet: {
        series: { [`rstore_replica_problem{${testReplica(0)},kind="not-caught-up"}`]: "1x30" },
        at: "5m",
      },
    },
    {
      name: "RstoreDiskRefused",
      severity: "critical",
      expr: `max ${byReplica} (rstore_replica_problem{kind="disk-refused"}) == 1`,
      for: timing.duration("1m"),
      summary: "The peers of {{ $labels.namespace }}/{{ $labels.replica }} refuse its disk",
      description:
        `The disk of ${aReplica} remembers less than this member promised: an old copy of the volume was ` +
        "put back.",
      fires: {
        series: { [`rstore_replica_problem{${testReplica(0)},kind="disk-refused"}`]: "1x30" },
        at: "5m",
        labels: replicaLabels(0),
        says: "The disk of carts-0 of shop/carts remembers less than this member promised: an old copy of the volume was put back.",
      },
      quiet: {
        series: { [`rstore_replica_problem{${testReplica(0)},kind="disk-refused"}`]: "0x30" },
        at: "5m",
      },
    },
    {
      name: "RstoreDataCorrupt",
      severity: "critical",
      // The code of the last end stays as long as the pod: one that has served since then is well again.
      expr:
        `(${lastExitCode} > 72 < 75 or ${lastExitCode} == 80) unless on (namespace, replica) ` +
        `(min_over_time(rstore_replica_ready[${timing.duration("1h")}]) == 1 and on (namespace, replica) ` +
        `time() - process_start_time_seconds{job="rstore"} > ${timing.horizonSeconds("1h")})`,
      summary: "{{ $labels.namespace }}/{{ $labels.replica }} ended because its data is damaged",
      description:
        `${aReplica} last ended with exit code {{ $value }}: 73 is a damaged log, 74 a damaged store, 80 ` +
        "a state that differs from the leader's.",
      fires: {
        series: exited(73, { ready: "1x60 stale", started: "0x60 stale" }),
        at: "70m",
        labels: { ...replicaLabels(0), pod: "carts-0", container: "replica" },
        says: "carts-0 of shop/carts last ended with exit code 73: 73 is a damaged log, 74 a damaged store, 80 a state that differs from the leader's.",
      },
      quiet: { series: exited(76, { ready: "1x60 stale", started: "0x60 stale" }), at: "70m" },
      alsoQuiet: [
        {
          series: exited(74, { ready: "1x60 0x2 1x70", started: `0x60 ${61 * 60}x72` }),
          at: "125m",
        },
      ],
    },
  ];
}

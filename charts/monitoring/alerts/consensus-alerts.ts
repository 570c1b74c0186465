import type { Timing } from "../timing.ts";
import type { Alert } from "./alert.ts";
import { quorumAlerts } from "./quorum-alerts.ts";
import {
  allBlank,
  aStore,
  byReplica,
  byStore,
  histogram,
  ofThree,
  storeLabels,
  testReplica,
} from "./series.ts";

export function consensusAlerts(timing: Timing): Alert[] {
  return [...leadership(timing), ...quorumAlerts(timing), ...progress(timing)];
}

function leadership(timing: Timing): Alert[] {
  const window = timing.duration("15m");
  return [
    {
      name: "RstoreNoLeader",
      severity: "critical",
      // One whose scrape fails may lead all the same: the others know.
      // Where all are blank, nothing was founded yet.
      expr: `max ${byStore} (rstore_raft_has_leader) == 0 unless on (namespace, store) ${allBlank}`,
      for: timing.duration("1m"),
      summary: `${aStore} has no leader`,
      description:
        `None of the replicas of ${aStore} that answer knows a leader: writes and linearizable reads ` +
        "wait or fail.",
      fires: {
        series: {
          ...ofThree("rstore_raft_has_leader", ["0x10", "1x2 0x8", "0x10"]),
          ...ofThree("rstore_replica_role", ["1x10", "0x10", "0x10"], ',role="uninitialized"'),
        },
        at: "5m",
        labels: storeLabels,
        says: "None of the replicas of shop/carts that answer knows a leader: writes and linearizable reads wait or fail.",
      },
      quiet: { series: ofThree("rstore_raft_has_leader", ["0x10", "1x4 0x6", "0x4 1x6"]), at: "5m" },
      alsoQuiet: [
        {
          series: {
            ...ofThree("rstore_raft_is_leader", ["1x2 stale", "0x10", "0x10"]),
            ...ofThree("rstore_raft_has_leader", ["1x2 stale", "1x10", "1x10"]),
          },
          at: "5m",
        },
        {
          series: {
            ...ofThree("rstore_raft_has_leader", ["0x10", "0x10", "0x10"]),
            ...ofThree("rstore_replica_role", ["1x10", "1x10", "1x10"], ',role="uninitialized"'),
          },
          at: "5m",
        },
      ],
    },
    {
      name: "RstoreSeveralLeaders",
      severity: "critical",
      expr: `sum ${byStore} (max ${byReplica} (rstore_raft_is_leader)) > 1`,
      for: timing.duration("1m"),
      summary: `${aStore} has several leaders`,
      description:
        `{{ $value }} replicas of ${aStore} say that they lead, for longer than one that was cut off may ` +
        "believe it.",
      fires: {
        series: ofThree("rstore_raft_is_leader", ["1x10", "1x10", "0x10"]),
        at: "5m",
        labels: storeLabels,
        says: "2 replicas of shop/carts say that they lead, for longer than one that was cut off may believe it.",
      },
      quiet: { series: ofThree("rstore_raft_is_leader", ["1x4 0x6", "0x4 1x6", "0x10"]), at: "5m" },
      // Scraped by two.
      alsoQuiet: [
        {
          series: {
            ...ofThree("rstore_raft_is_leader", ["1x10", "0x10", "0x10"], ',prometheus_replica="a"'),
            ...ofThree("rstore_raft_is_leader", ["1x10", "0x10", "0x10"], ',prometheus_replica="b"'),
          },
          at: "5m",
        },
      ],
    },
    {
      name: "RstoreLeaderChangesOften",
      severity: "warning",
      expr: `max ${byStore} (increase(rstore_raft_leader_changes_total[${window}])) > 3`,
      summary: `${aStore} changes its leader often`,
      description:
        `The leader of ${aStore} changed {{ $value | printf "%.0f" }} times in 15 minutes; each change ` +
        "stops writes for about a second.",
      fires: {
        series: ofThree("rstore_raft_leader_changes_total", ["0+0.5x20", "0+0.4x20", "0x20"]),
        at: "20m",
        labels: storeLabels,
        says: "The leader of shop/carts changed 8 times in 15 minutes; each change stops writes for about a second.",
      },
      quiet: {
        series: ofThree("rstore_raft_leader_changes_total", ["0x10 1x10", "0x12 2x8", "0x20"]),
        at: "20m",
      },
    },
    {
      name: "RstoreClustersMixed",
      severity: "critical",
      expr: `count ${byStore} (count by (namespace, store, cluster) (rstore_replica_info{cluster!="0000000000000000"})) > 1`,
      for: timing.duration("1m"),
      summary: `${aStore} has replicas of several clusters`,
      description:
        `The disks of ${aStore} belong to {{ $value }} clusters: a volume of another store was attached, ` +
        "or a cluster was founded twice.",
      fires: {
        series: {
          [`rstore_replica_info{${testReplica(0)},cluster="00000000000000aa"}`]: "1x10",
          [`rstore_replica_info{${testReplica(1)},cluster="00000000000000bb"}`]: "1x10",
        },
        at: "5m",
        labels: storeLabels,
        says: "The disks of shop/carts belong to 2 clusters: a volume of another store was attached, or a cluster was founded twice.",
      },
      quiet: {
        series: {
          [`rstore_replica_info{${testReplica(0)},cluster="00000000000000aa"}`]: "1x10",
          [`rstore_replica_info{${testReplica(1)},cluster="0000000000000000"}`]: "1x10",
          'rstore_replica_info{namespace="shop",store="other",replica="other-0",cluster="00000000000000bb"}':
            "1x10",
        },
        at: "5m",
      },
    },
  ];
}

function progress(timing: Timing): Alert[] {
  const short = timing.duration("2m");
  const pending = (values: string) => ({ [`rstore_raft_proposals_pending{${testReplica(0)}}`]: values });
  const commits = (values: string) => ({ [`rstore_raft_commit_index{${testReplica(0)}}`]: values });
  return [
    {
      name: "RstoreProposalsStalled",
      severity: "critical",
      expr:
        `max ${byStore} (min_over_time(rstore_raft_proposals_pending[${short}])) > 0 and on (namespace, store) ` +
        `max ${byStore} (changes(rstore_raft_commit_index[${short}])) == 0`,
      for: timing.duration("1m"),
      summary: `Writes of ${aStore} stand still`,
      description: `{{ $value }} writes of ${aStore} wait, and nothing was committed for two minutes.`,
      fires: {
        series: { ...pending("7x20"), ...commits("100x20") },
        at: "10m",
        labels: storeLabels,
        says: "7 writes of shop/carts wait, and nothing was committed for two minutes.",
      },
      quiet: { series: { ...pending("7x20"), ...commits("100+1x20") }, at: "10m" },
    },
    {
      name: "RstoreProposalsFailing",
      severity: "warning",
      expr: "store:rstore_raft_proposals_failed:ratio_rate5m > 0.01",
      for: timing.duration("5m"),
      summary: `Writes of ${aStore} fail`,
      description:
        `{{ $value | humanizePercentage }} of the writes of ${aStore} fail for reasons that are not ` +
        "their callers'.",
      fires: {
        series: {
          [`rstore_raft_proposals_committed_total{${testReplica(0)}}`]: "0+98x60",
          [`rstore_raft_proposals_failed_total{${testReplica(0)},reason="no-leader"}`]: "0+2x60",
        },
        at: "20m",
        labels: storeLabels,
        says: "2% of the writes of shop/carts fail for reasons that are not their callers'.",
      },
      quiet: {
        series: {
          [`rstore_raft_proposals_committed_total{${testReplica(0)}}`]: "0+98x60",
          [`rstore_raft_proposals_failed_total{${testReplica(0)},reason="compare-failed"}`]: "0+50x60",
          [`rstore_raft_proposals_failed_total{${testReplica(0)},reason="no-leader"}`]: "0x60",
        },
        at: "20m",
      },
    },
    {
      name: "RstoreCommitSlow",
      severity: "warning",
      expr: "store:rstore_raft_commit_duration_seconds:p99 > 0.5",
      for: timing.duration("10m"),
      summary: `Commits of ${aStore} are slow`,
      description:
        `One in a hundred entries of ${aStore} takes {{ $value | humanizeDuration }} or longer to be ` +
        "committed and applied.",
      fires: {
        series: histogram("rstore_raft_commit_duration_seconds", testReplica(0), { "0.01": 90, "1": 10 }),
        at: "30m",
        labels: storeLabels,
        says: "One in a hundred entries of shop/carts takes 901ms or longer to be committed and applied.",
      },
      quiet: {
        series: histogram("rstore_raft_commit_duration_seconds", testReplica(0), {
          "0.01": 90,
          "0.25": 10,
          "1": 0,
        }),
        at: "30m",
      },
    },
    {
      name: "RstoreReadsFailing",
      severity: "warning",
      expr:
        `sum ${byStore} (rate(rstore_raft_read_index_failures_total[${timing.duration("5m")}])) / ` +
        `(sum ${byStore} (rate(rstore_raft_read_index_rounds_total[${timing.duration("5m")}])) > 0) > 0.1`,
      for: timing.duration("5m"),
      summary: `Linearizable reads of ${aStore} are not confirmed`,
      description:
        `{{ $value | humanizePercentage }} of the rounds in which replicas of ${aStore} ask the leader ` +
        "for a read index fail.",
      fires: {
        series: {
          [`rstore_raft_read_index_rounds_total{${testReplica(0)}}`]: "0+100x60",
          [`rstore_raft_read_index_failures_total{${testReplica(0)},reason="no-leader"}`]: "0+25x60",
        },
        at: "20m",
        labels: storeLabels,
        says: "25% of the rounds in which replicas of shop/carts ask the leader for a read index fail.",
      },
      quiet: {
        series: {
          [`rstore_raft_read_index_rounds_total{${testReplica(0)}}`]: "0+100x60",
          [`rstore_raft_read_index_failures_total{${testReplica(0)},reason="no-leader"}`]: "0+5x60",
        },
        at: "20m",
      },
    },
    {
      name: "RstoreJointConfigurationStuck",
      severity: "critical",
      // One that was removed half way never hears the end of it.
      expr:
        `max ${byStore} (rstore_raft_configuration_joint unless on (namespace, store, replica) ` +
        `rstore_replica_role{role="removed"} == 1) == 1`,
      for: timing.duration("5m"),
      summary: `A change of members of ${aStore} is stuck half way`,
      description:
        `${aStore} has been between two configurations for more than 5 minutes: it needs a majority of ` +
        "both until the change is through.",
      fires: {
        series: ofThree("rstore_raft_configuration_joint", ["1x20", "1x20", "1x20"]),
        at: "10m",
        labels: storeLabels,
        says: "shop/carts has been between two configurations for more than 5 minutes: it needs a majority of both until the change is through.",
      },
      quiet: {
        series: {
          ...ofThree("rstore_raft_configuration_joint", ["0x7 1x1 0x12", "0x7 1x2 0x11", "1x20"]),
          [`rstore_replica_role{${testReplica(2)},role="removed"}`]: "1x20",
        },
        at: "10m",
      },
    },
  ];
}

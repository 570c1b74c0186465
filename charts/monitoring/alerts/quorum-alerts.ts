import type { Timing } from "../timing.ts";
import type { Alert } from "./alert.ts";
import { aStore, byReplica, byStore, ofThree, storeLabels, testReplica, testStore } from "./series.ts";

/** What the members of the configuration in force report; one that was removed may know an old one. */
const voterCount =
  `max ${byStore} (rstore_raft_configuration_members{kind="voter"} > 0 ` +
  'unless on (namespace, store, replica) rstore_replica_role{role="removed"} == 1)';

/** Not learners, blank ones, and those that were removed. */
const votersThatAnswer =
  `count ${byStore} (max ${byReplica} ` +
  '(rstore_replica_role{role=~"leader|follower|candidate|pre-candidate"}) == 1)';

const roles = (slot: number, values: Readonly<Record<string, string>>) =>
  Object.fromEntries(
    Object.entries(values).map(([role, series]) => [
      `rstore_replica_role{${testReplica(slot)},role="${role}"}`,
      series,
    ]),
  );

const membersKnownTo = (slot: number, values: string) => ({
  [`rstore_raft_configuration_members{${testReplica(slot)},kind="voter"}`]: values,
});

const voters = (count: number) => membersKnownTo(0, `${count}x60`);

/** Whether enough voters are there, and how many more may be lost. */
export function quorumAlerts(timing: Timing): Alert[] {
  return [storeDown(timing), quorumLost(timing), ...atRisk(timing)];
}

function storeDown(timing: Timing): Alert {
  const up = 'up{job="rstore"}';
  const gone =
    `count ${byStore} (last_over_time(${up}[${timing.duration("1h")}])) ` +
    `unless on (namespace, store) ${up} == 1`;
  const info = "rstore_operator_store_info";
  const known = (values: string) => ({ [`${info}{${testStore},cluster="00000000000000aa"}`]: values });
  const answers = (values: readonly [string, string, string]) => ofThree("up", values, ',job="rstore"');
  const says = "No replica of shop/carts can be scraped.";
  return {
    name: "RstoreStoreDown",
    severity: "critical",
    // A pod that is gone or waits for a node is no target any more. Only an operator knows that a store was deleted.
    expr:
      `sum ${byStore} (${up}) == 0 ` +
      `or (${gone}) and on (namespace, store) ${info} ` +
      `or (${gone}) unless on () ${info}`,
    for: timing.duration("1m"),
    summary: `No replica of ${aStore} answers`,
    description: `No replica of ${aStore} can be scraped.`,
    fires: { series: answers(["0x10", "0x10", "1x2 0x8"]), at: "5m", labels: storeLabels, says },
    alsoFires: [
      {
        series: { ...answers(["1x2 stale", "0x2 stale", "1x3 stale"]), ...known("1x30") },
        at: "20m",
        labels: storeLabels,
        says,
      },
      { series: answers(["1x2 stale", "0x2 stale", "1x3 stale"]), at: "20m", labels: storeLabels, says },
    ],
    quiet: { series: answers(["0x10", "0x10", "1x10"]), at: "5m" },
    alsoQuiet: [
      { series: { ...answers(["1x2 stale", "0x2 stale", "1x30"]), ...known("1x30") }, at: "20m" },
      // Deleted, while the operator still has another store.
      {
        series: {
          ...answers(["1x2 stale", "0x2 stale", "1x3 stale"]),
          ...known("1x3 stale"),
          [`${info}{namespace="shop",store="other",cluster="00000000000000bb"}`]: "1x30",
        },
        at: "20m",
      },
    ],
  };
}

function quorumLost(timing: Timing): Alert {
  return {
    name: "RstoreQuorumLost",
    severity: "critical",
    // Where no voter answers, a learner still knows how many there are.
    expr: `(${votersThatAnswer} or ${voterCount} * 0) < floor(${voterCount} / 2) + 1`,
    for: timing.duration("1m"),
    summary: `${aStore} has lost its majority`,
    description:
      `Only {{ $value }} voters of ${aStore} answer, fewer than a majority: nothing can be written ` +
      "until more of them are back.",
    fires: {
      // Two of three voters are gone; a learner and a blank one are there.
      series: {
        ...ofThree("up", ["1x10", "0x10", "0x10"], ',job="rstore"'),
        [`up{${testReplica(3)},job="rstore"}`]: "1x10",
        [`up{${testReplica(4)},job="rstore"}`]: "1x10",
        ...voters(3),
        ...roles(0, { follower: "0x2 0x8", candidate: "1x10" }),
        ...roles(1, { leader: "1x2 stale" }),
        ...roles(2, { follower: "1x2 stale" }),
        ...roles(3, { learner: "1x10" }),
        ...membersKnownTo(3, "3x10"),
        ...roles(4, { uninitialized: "1x10" }),
        ...membersKnownTo(4, "0x10"),
      },
      at: "5m",
      labels: storeLabels,
      says: "Only 1 voters of shop/carts answer, fewer than a majority: nothing can be written until more of them are back.",
    },
    quiet: {
      series: { ...voters(3), ...roles(0, { leader: "1x10" }), ...roles(1, { follower: "1x10" }) },
      at: "5m",
    },
    alsoQuiet: [
      // From three to one.
      {
        series: {
          ...ofThree("up", ["1x20", "1x5 stale", "1x5 stale"], ',job="rstore"'),
          ...membersKnownTo(0, "3x5 1x15"),
          ...roles(0, { leader: "1x20" }),
          ...roles(1, { follower: "1x5 stale" }),
          ...roles(2, { follower: "1x5 stale" }),
        },
        at: "10m",
      },
      // The same, and one of those that were removed is still there, and did not hear of the last step.
      {
        series: {
          ...ofThree("up", ["1x20", "1x5 stale", "1x20"], ',job="rstore"'),
          ...membersKnownTo(0, "3x5 1x15"),
          ...membersKnownTo(1, "3x5 stale"),
          ...membersKnownTo(2, "3x5 2x15"),
          ...roles(0, { leader: "1x20" }),
          ...roles(1, { follower: "1x5 stale" }),
          ...roles(2, { follower: "1x5 0x15", removed: "0x5 1x15" }),
        },
        at: "10m",
      },
      // Not founded yet.
      {
        series: {
          ...ofThree("up", ["1x10", "1x10", "1x10"], ',job="rstore"'),
          ...roles(0, { uninitialized: "1x10" }),
          ...membersKnownTo(0, "0x10"),
        },
        at: "5m",
      },
    ],
  };
}

function atRisk(timing: Timing): Alert[] {
  return [
    {
      name: "RstoreOneLossFromOutage",
      severity: "critical",
      expr:
        `max ${byStore} (rstore_raft_failures_tolerated) == 0 and on (namespace, store) ` +
        `${voterCount} > 2`,
      for: timing.duration("5m"),
      summary: `${aStore} is one loss away from an outage`,
      description: `The leader of ${aStore} hears of just a majority of its voters: {{ $value }} more may be lost.`,
      fires: {
        series: { [`rstore_raft_failures_tolerated{${testReplica(0)}}`]: "0x60", ...voters(3) },
        at: "10m",
        labels: storeLabels,
        says: "The leader of shop/carts hears of just a majority of its voters: 0 more may be lost.",
      },
      // A store of one never survives a loss: that was somebody's choice.
      quiet: {
        series: { [`rstore_raft_failures_tolerated{${testReplica(0)}}`]: "0x60", ...voters(1) },
        at: "10m",
      },
      alsoQuiet: [
        {
          series: {
            [`rstore_raft_failures_tolerated{${testReplica(0)}}`]: "0x60",
            ...voters(1),
            ...membersKnownTo(2, "3x60"),
            ...roles(2, { removed: "1x60" }),
          },
          at: "10m",
        },
      ],
    },
    {
      name: "RstoreQuorumAtRisk",
      severity: "warning",
      expr: `max ${byStore} (rstore_raft_failures_tolerated) < ` + `floor((${voterCount} - 1) / 2)`,
      for: timing.duration("10m"),
      summary: `${aStore} survives fewer losses than it should`,
      description: `${aStore} survives the loss of {{ $value }} more voters, fewer than with all of them there.`,
      fires: {
        series: { [`rstore_raft_failures_tolerated{${testReplica(0)}}`]: "1x60", ...voters(5) },
        at: "20m",
        labels: storeLabels,
        says: "shop/carts survives the loss of 1 more voters, fewer than with all of them there.",
      },
      quiet: {
        series: { [`rstore_raft_failures_tolerated{${testReplica(0)}}`]: "1x60", ...voters(4) },
        at: "20m",
      },
      // From five to three, and one that was removed still answers.
      alsoQuiet: [
        {
          series: {
            [`rstore_raft_failures_tolerated{${testReplica(0)}}`]: "1x60",
            ...voters(3),
            ...membersKnownTo(4, "5x60"),
            ...roles(0, { leader: "1x60" }),
            ...roles(4, { removed: "1x60" }),
          },
          at: "20m",
        },
      ],
    },
  ];
}

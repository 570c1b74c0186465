import { membersOf } from "./confchange/configuration.ts";
import { check } from "./schedule-check.ts";
import type { ScheduleCluster } from "./schedule-cluster.ts";
import type { ScheduleMember } from "./schedule-member.ts";
import { describeConfiguration } from "./schedule-model.ts";
import { networkQualities } from "./schedule-network.ts";
import type { ScheduleOperator } from "./schedule-operations.ts";
import { ScheduleRandom } from "./schedule-random.ts";

const CONVERGENCE_MAX_ROUNDS = 1_500;
const QUIET_ROUNDS = 60;
const SNAPSHOT_ROUNDS = 20;

/**
 * After the schedule all faults end, and within a bound the cluster must be whole: one leader, a configuration
 * that is not joint, every entry applied everywhere, writes and reads served, and nobody who disturbs it.
 */
export function checkConvergence(cluster: ScheduleCluster, operator: ScheduleOperator, seed: number): void {
  cluster.network.heal();
  cluster.network.quality = networkQualities[0]!;
  for (const member of cluster.members.values()) {
    member.pausedRounds = 0;
    if (!member.up) member.start();
  }
  const conditions = { diskChance: 1, drainChance: 1, applyChance: 1, random: new ScheduleRandom(seed) };
  // What is late may still arrive, a TimeoutNow among it.
  cluster.run(Math.max(...networkQualities.map(({ lateMaxRounds }) => lateMaxRounds)), conditions);
  const runUntil = (condition: () => boolean, property: string) => {
    for (let round = 0; !condition(); round++) {
      check(round < CONVERGENCE_MAX_ROUNDS, property, () => describeCluster(cluster));
      cluster.run(1, conditions);
      startAbsentVoters(cluster);
      if (round % SNAPSHOT_ROUNDS === 0) takeSnapshots(cluster);
    }
  };
  runUntil(() => isWhole(cluster), "a healed cluster becomes whole");

  let index: bigint | undefined;
  runUntil(() => {
    if (index === undefined && cluster.leader !== undefined) index = operator.propose(cluster.leader, 8);
    return index !== undefined && isWhole(cluster);
  }, "a healed cluster takes writes");

  for (const member of participants(cluster)) {
    let requestId: bigint | undefined;
    let asked = 0;
    runUntil(() => {
      if (requestId !== undefined && cluster.reads.isConfirmed(requestId)) return true;
      if (asked++ % 20 === 0) requestId = operator.read(member);
      return false;
    }, "a healed cluster serves reads on every member");
  }

  const before = cluster.leader!.node!.status();
  cluster.run(QUIET_ROUNDS, conditions);
  const after = cluster.leader?.node?.status();
  check(after !== undefined && after.term === before.term, "nobody disturbs a healed cluster (A4)", () => {
    return `term ${before.term} to ${after?.term}\n${describeCluster(cluster)}`;
  });
}

/** As a replica does for a follower that is beyond the log. */
function takeSnapshots(cluster: ScheduleCluster): void {
  for (const member of cluster.members.values()) {
    cluster.flush(member);
    member.takeSnapshot();
  }
}

/** A voter that never came up is needed now: the change that added it was committed without it. */
function startAbsentVoters(cluster: ScheduleCluster): void {
  const configuration = cluster.leader?.configuration.configuration;
  if (configuration === undefined) return;
  for (const id of [...configuration.voters, ...configuration.outgoing]) {
    if (!cluster.members.has(id)) cluster.join(id);
  }
}

/** The members of the configuration, those excepted that never came up. */
function participants(cluster: ScheduleCluster): ScheduleMember[] {
  const configuration = cluster.leader?.configuration.configuration;
  if (configuration === undefined) return [];
  return membersOf(configuration).flatMap((id) => cluster.members.get(id) ?? []);
}

function isWhole(cluster: ScheduleCluster): boolean {
  const { leader } = cluster;
  if (leader === undefined) return false;
  const { voters, outgoing } = leader.configuration.configuration;
  if (outgoing.length > 0 || !voters.includes(leader.id)) return false;
  const { term, commit, lastIndex } = leader.node!.status();
  if (commit !== lastIndex) return false;
  return participants(cluster).every((member) => {
    const status = member.node!.status();
    return status.term === term && member.applied === commit && status.commit === commit;
  });
}

export function describeCluster(cluster: ScheduleCluster): string {
  const lines = [...cluster.members.values()].map((member) => {
    const status = member.node?.status();
    const state =
      status === undefined ? "down" : `${status.role} term ${status.term} leader ${status.leader}`;
    const log = `applied ${member.applied} commit ${status?.commit} last ${member.written.lastIndex()}`;
    return `  ${member.id}: ${state} ${log} (${describeConfiguration(member.configuration.configuration)})`;
  });
  return `round ${cluster.now}, commit index ${cluster.model.commitIndex}\n${lines.join("\n")}`;
}

import { encodeMemberRecords } from "../apply/member-records.ts";
import { membersOf } from "../raft/confchange/configuration.ts";
import { type MemberId, NO_MEMBER } from "../raft/types.ts";
import type { Member } from "./member.ts";
import { bestSuccessor, changeRefusalError, formatId, memberKind, recordsForTarget } from "./membership.ts";
import { unknownOutcomeError } from "./proposals.ts";
import {
  type CallOptions,
  type MemberListing,
  type ReadOptions,
  ReplicaError,
  type TargetMember,
} from "./replica-api.ts";

/** The configuration in force, by way of a linearizable read unless a stale one will do. */
export async function listMembers(member: Member, options: ReadOptions): Promise<MemberListing> {
  await member.awaitReadable(options);
  const { configuration: indexed, joint, configurationCommitted, members } = member.node.status();
  const { configuration, index } = indexed;
  return {
    members: membersOf(configuration).map((id) => {
      const record = member.record(id) ?? { id, name: "", peerUrl: "", clientUrl: "", joinedIndex: 0n };
      return { ...record, kind: memberKind(configuration, id) };
    }),
    configurationIndex: index,
    joint,
    committed: configurationCommitted,
    progress: members.map(({ id, match, recentActive, state }) => ({
      memberId: id,
      matchIndex: match,
      active: recentActive,
      state,
    })),
  };
}

/** Brings the cluster to a target configuration and answers when it is committed and no longer joint. */
export async function changeMembership(
  member: Member,
  change: { readonly expectedIndex: bigint; readonly target: readonly TargetMember[] },
  options: CallOptions,
): Promise<{ configurationIndex: bigint }> {
  const { target } = change;
  const index = await member.onLoop(() => {
    if (!member.isLeader) throw member.notLeaderError();
    refuseUntilApplied(member);
    refuseRemoved(member, target);
    const current = member.node.configuration.configuration;
    const joinedIndex = member.node.status().lastIndex + 1n;
    const records = recordsForTarget(member.records, current, target, joinedIndex);
    const result = member.node.proposeConfiguration(change.expectedIndex, {
      voters: target.filter(({ kind }) => kind === "voter").map(({ id }) => id),
      learners: target.filter(({ kind }) => kind === "learner").map(({ id }) => id),
      context: encodeMemberRecords(records),
    });
    if (!result.ok) throw changeRefusalError(result);
    return result.index;
  });
  if (!(await member.awaitChange(index, options.deadlineMs))) {
    throw unknownOutcomeError("the change of membership was not committed before the deadline");
  }
  const { configuration, index: reachedIndex } = member.node.configuration;
  const reached = membersOf(configuration);
  const missed = target.filter(
    ({ id, kind }) => !reached.includes(id) || memberKind(configuration, id) !== kind,
  );
  if (reached.length !== target.length || missed.length > 0) {
    throw new ReplicaError(
      "configuration-mismatch",
      "another change came in between: list the members and plan anew",
      { outcome: "unknown", detail: { index: reachedIndex } },
    );
  }
  return { configurationIndex: reachedIndex };
}

/** Who was removed is known up to the applied index: what the configuration in force removed must be in it (A7). */
function refuseUntilApplied({ machine, node }: Member): void {
  const { index } = node.configuration;
  if (machine.appliedIndex >= index) return;
  throw new ReplicaError(
    "change-in-progress",
    `the last change of membership, at index ${index}, is not applied here yet: try again in a moment`,
    { outcome: "not-applied", detail: { index } },
  );
}

/** An id that was removed never comes back (A7). */
function refuseRemoved(member: Member, target: readonly TargetMember[]): void {
  for (const { id } of target) {
    const index = member.machine.applier.members.removedIndex(id);
    if (index === undefined) continue;
    throw new ReplicaError(
      "member-removed",
      `member ${formatId(id)} was removed at index ${index} and can't come back under this id: reset it first`,
      { outcome: "not-applied", detail: { index } },
    );
  }
}

/** Answers when the target leads. NO_MEMBER: the voter with the most complete log. */
export async function transferLeadership(
  member: Member,
  wanted: MemberId,
  options: CallOptions,
): Promise<{ leaderId: MemberId; term: bigint }> {
  const target = await member.onLoop(() => {
    if (!member.isLeader) throw member.notLeaderError();
    const chosen = wanted === NO_MEMBER ? bestSuccessor(member.node.status()) : wanted;
    if (chosen === undefined) throw transferError("there is no other voter that answers");
    if (chosen === member.id) return chosen;
    const result = member.node.transferLeadership(chosen);
    if (!result.ok) throw transferError(`member ${formatId(chosen)} can't lead: ${result.reason}`);
    return chosen;
  });
  const done = await member.awaitLeader(target, options.deadlineMs);
  if (!done) throw transferError(`member ${formatId(target)} did not take over in time`);
  return { leaderId: target, term: member.node.term };
}

function transferError(why: string): ReplicaError {
  return new ReplicaError("transfer-failed", `leadership was not transferred: ${why}`);
}

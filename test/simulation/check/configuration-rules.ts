import { isJoint, isVoter } from "@rstore/replica/raft/confchange/configuration";
import type { Configuration, MemberId } from "@rstore/replica/raft/types";
import type { Coverage } from "../world/coverage.ts";
import { everyoneIn } from "./commit-ledger.ts";
import { describeConfiguration, describeRecord, formatId } from "./describe.ts";
import { type EntryRecord, recordAt } from "./entry-ledger.ts";
import type { Ledgers } from "./ledgers.ts";

/** A leader appended a configuration. */
export interface AppendedConfiguration {
  readonly record: EntryRecord;
  readonly leader: MemberId;
  /** The leader's commit index after the step in which it did. */
  readonly commit: number;
  readonly promoteMaxLagEntries: number;
}

/** What a leader must have waited for before it appends a configuration, and what that may say. */
export function checkAppendedConfiguration(ledgers: Ledgers, appended: AppendedConfiguration): void {
  const { world, commits } = ledgers;
  const { record, leader, commit } = appended;
  const now = record.configuration!;
  const before = now.previous;
  const detail = (): string => {
    const from = before === undefined ? "nothing" : describeConfiguration(before.configuration);
    return `${formatId(leader)} appended ${describeRecord(record)}: ${describeConfiguration(now.configuration)}, after ${from}`;
  };
  const fail = (property: string, why: string): void => world.fail(property, `${detail()}: ${why}`);
  // A leader that was replaced meanwhile knows nothing of a removal, and commits nothing any more.
  const isKnownRemoved = (id: MemberId): boolean => {
    const index = commits.removedAt(id);
    return index !== undefined && recordAt(record, index) === commits.at(index);
  };
  const returned = everyoneIn(now.configuration).find(isKnownRemoved);
  if (returned !== undefined) fail("removed-stays-removed", `${formatId(returned)} was removed before (A7)`);
  if (before === undefined) return;
  if (before.index > commit) {
    fail("one-change-at-a-time", `the configuration at ${before.index} is not committed, ${commit} is (A2)`);
  }
  if ((recordAt(record, commit)?.term ?? 0) !== record.term) {
    fail("one-change-at-a-time", `no entry of the term is committed, ${commit} is (A1)`);
  }
  const fault = successionFault(before.configuration, now.configuration);
  if (fault !== undefined) fail("configuration-rules", fault);
  const early = promotedTooEarly(appended, before.configuration);
  if (early !== undefined) fail("promotion", `${early} (A6)`);
  countChange(world.coverage, before.configuration, now.configuration);
}

/** Why the one may not follow the other; undefined when it may (Raft §6). */
function successionFault(before: Configuration, now: Configuration): string | undefined {
  if (now.voters.length === 0) return "nobody may vote";
  if (isJoint(before)) {
    const learners = [...before.learners, ...before.learnersNext];
    if (isJoint(now)) return "a joint configuration is followed by another";
    if (!isSame(now.voters, before.voters)) return "leaving a joint configuration changes the voters";
    return isSame(now.learners, learners)
      ? undefined
      : "leaving a joint configuration loses or gains learners";
  }
  if (!isJoint(now))
    return isSame(now.voters, before.voters) ? undefined : "voters change without a joint one";
  return isSame(now.outgoing, before.voters) ? undefined : "the outgoing voters are not those there were";
}

/** Only a learner that was heard to have nearly everything becomes a voter. */
function promotedTooEarly(appended: AppendedConfiguration, before: Configuration): string | undefined {
  const { record, promoteMaxLagEntries } = appended;
  for (const id of record.configuration!.configuration.voters) {
    if (before.voters.includes(id)) continue;
    if (!before.learners.includes(id)) return `${formatId(id)} votes and was no learner`;
    let at = record.previous;
    while (at !== undefined && !at.durableOn.includes(id)) at = at.previous;
    const lag = record.index - 1 - (at?.index ?? 0);
    if (lag > promoteMaxLagEntries) return `${formatId(id)} votes and lacks ${lag} entries`;
  }
  return undefined;
}

function countChange(coverage: Coverage, before: Configuration, now: Configuration): void {
  if (isJoint(now)) coverage.count("membership.joint-entered");
  if (isJoint(before)) {
    coverage.count("membership.joint-left");
    return;
  }
  const promoted = now.voters.filter((id) => before.learners.includes(id)).length;
  if (promoted > 0) coverage.count("membership.learner-promoted", promoted);
  const after = { ...now, outgoing: [] };
  const changed = new Set([...everyoneIn(before), ...everyoneIn(after)]);
  for (const id of changed) if (kindIn(before, id) === kindIn(after, id)) changed.delete(id);
  if (changed.size > 1) coverage.count("membership.several-at-once");
}

function kindIn(configuration: Configuration, id: MemberId): "voter" | "learner" | undefined {
  if (configuration.voters.includes(id)) return "voter";
  const { learners, learnersNext } = configuration;
  return learners.includes(id) || learnersNext.includes(id) ? "learner" : undefined;
}

function isSame(a: readonly MemberId[], b: readonly MemberId[]): boolean {
  return a.length === b.length && a.every((id) => b.includes(id));
}

/**
 * May a member with this log campaign? It needs a vote in the configuration in force or, until that is
 * committed, in one that it may fall back to (dissertation §4.2.2).
 */
export function mayCampaign(tip: EntryRecord, commit: number, member: MemberId): boolean {
  for (let one = tip.configuration; one !== undefined; one = one.previous) {
    if (isVoter(one.configuration, member)) return true;
    if (one.index <= commit) return false;
  }
  return false;
}

/** Was it the leader itself that the committed configurations are without? */
export function countLeaderRemoved(
  ledgers: Ledgers,
  committed: readonly EntryRecord[],
  leader: MemberId,
): void {
  for (const { configuration } of committed) {
    if (isVoter(configuration!.configuration, leader)) continue;
    ledgers.world.coverage.count("membership.leader-removed");
  }
}

import { isDecided } from "@rstore/replica/raft/schedule-check";
import type { MemberId } from "@rstore/replica/raft/types";
import { countLeaderRemoved } from "./configuration-rules.ts";
import { describeConfiguration, describeRecord, formatId } from "./describe.ts";
import { type ConfigurationRecord, type EntryRecord, recordAt } from "./entry-ledger.ts";
import type { Ledgers } from "./ledgers.ts";

/** The commit index of a member moved, or is what it begins with. */
export interface CommitMove {
  readonly member: MemberId;
  /** The end of its log now, and before the step in which the index moved. */
  readonly tip: EntryRecord;
  readonly tipBefore: EntryRecord;
  readonly from: number;
  readonly to: number;
  /** The term in which the member led meanwhile; undefined: it learned of the move. */
  readonly ledIn: number | undefined;
  /** It is what a life begins with, and whoever moved it may have died in that step. */
  readonly mayBeUnseen: boolean;
}

/** Returns whether leaders have committed more than before by it. */
export function checkCommitMove(ledgers: Ledgers, move: CommitMove): boolean {
  const { commits, world } = ledgers;
  const { member, tip, to, ledIn } = move;
  const record = recordAt(tip, to);
  if (record === undefined) {
    world.fail("commit-durable", `${formatId(member)} commits ${to}, its log ends with ${tip.index}`);
    return false;
  }
  if (to <= commits.index && commits.at(to) !== record) {
    const committed = describeRecord(commits.at(to));
    world.fail(
      "state-machine-safety",
      `${formatId(member)} commits ${describeRecord(record)}, committed is ${committed}`,
    );
    return false;
  }
  if (ledIn === undefined) {
    if (to <= commits.index) return false;
    if (!move.mayBeUnseen) {
      world.fail(
        "commit-durable",
        `${formatId(member)} commits ${to}, leaders no more than ${commits.index}`,
      );
      return false;
    }
  } else if (record.term !== ledIn) {
    world.fail(
      "commit-own-term",
      `${formatId(member)} commits ${describeRecord(record)} by counting, leading in term ${ledIn} (Raft §5.4.2)`,
    );
  }
  checkDurable(ledgers, move, record);
  if (to <= commits.index) return false;
  const configurations = commits.extend(record, ledIn ?? record.term);
  if (configurations === undefined) {
    world.fail(
      "state-machine-safety",
      `${formatId(member)} commits ${describeRecord(record)}, which does not follow the committed ${describeRecord(commits.at(commits.index))}`,
    );
    return false;
  }
  countLeaderRemoved(ledgers, configurations, member);
  return true;
}

/**
 * A majority of each half of the configuration in force made it durable. A step may commit under one
 * configuration and then append the next; it may not commit the next as well, except a configuration of one.
 */
function checkDurable(ledgers: Ledgers, move: CommitMove, record: EntryRecord): void {
  const { member, tip, tipBefore, from, to } = move;
  const fail = (one: ConfigurationRecord, entry: EntryRecord): void =>
    ledgers.world.fail(
      "commit-durable",
      `${formatId(member)} commits ${describeRecord(entry)}, durable on ${entry.durableOn.map(formatId).join(",")}; ` +
        `in force is that of ${one.index}: ${describeConfiguration(one.configuration)}`,
    );
  const inForce = tip.configuration;
  if (inForce === undefined) return;
  const before = inForce.previous;
  const appendedNow = recordAt(tip, tipBefore.index) === tipBefore && inForce.index > tipBefore.index;
  const mayBeBefore = appendedNow && inForce.index > to && before !== undefined;
  if (!isDurable(inForce, record) && !(mayBeBefore && isDurable(before, record))) {
    fail(mayBeBefore ? before : inForce, record);
  }
  // Each configuration that was committed and replaced in this step was itself in force when it was.
  for (let one = before; one !== undefined && one.index > from; one = one.previous) {
    const own = one.index <= to ? recordAt(tip, one.index) : undefined;
    if (own !== undefined && !isDurable(one, own)) fail(one, own);
  }
}

function isDurable({ configuration }: ConfigurationRecord, record: EntryRecord): boolean {
  return isDecided(configuration, (id) => record.durableOn.includes(id));
}

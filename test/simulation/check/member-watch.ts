import { isDecided } from "@rstore/replica/raft/schedule-check";
import type { Entry, Role } from "@rstore/replica/raft/types";
import { checkCommitMove } from "./commit-rules.ts";
import { checkAppendedConfiguration } from "./configuration-rules.ts";
import { describeConfiguration, describeRecord, formatId } from "./describe.ts";
import type { DiskWatch } from "./disk-watch.ts";
import {
  digestOf,
  type EntryRecord,
  isConfiguration,
  lastDurable,
  markDurable,
  recordAt,
} from "./entry-ledger.ts";
import type { Ledgers } from "./ledgers.ts";
import { type LogReading, readLog } from "./read-log.ts";
import type { CheckedMember, CheckedSlot } from "./types.ts";
import { appliedState, watchApplied } from "./watch-applied.ts";

/** In which a member that was removed ends. */
const REMOVED_MAX_US = 500_000;

export interface MemberWatchParts {
  readonly slot: CheckedSlot;
  readonly disk: DiskWatch;
  readonly ledgers: Ledgers;
  readonly promoteMaxLagEntries: number;
  /** Of all slots. */
  readonly watches: readonly MemberWatch[];
  readonly slots: readonly CheckedSlot[];
}

/** The member in one slot, from life to life, as it was when it was last looked at. */
export class MemberWatch {
  readonly #parts: MemberWatchParts;
  #member: CheckedMember | undefined;
  /** The life that the last member was of, and the start of the disk that it is. */
  #life: CheckedSlot["life"];
  #incarnation = 0n;
  #identity = 0n;
  #tampered = 0;
  #term = 0n;
  #role: Role = "follower";
  #commit = 0n;
  #lastIndex = 0n;
  #lastTerm = 0n;
  #applied = 0n;
  #isBeginning = false;
  #knowsRemovalUs: number | undefined;
  /** undefined: its log could not be followed, since a plan damaged the disk. */
  #tip: EntryRecord | undefined;
  readonly #lastBefore = new Map<number, EntryRecord>();

  constructor(parts: MemberWatchParts) {
    this.#parts = parts;
  }

  get member(): CheckedMember | undefined {
    return this.#member;
  }

  get tip(): EntryRecord | undefined {
    return this.#tip;
  }

  get role(): Role {
    return this.#role;
  }

  get term(): number {
    return Number(this.#term);
  }

  get commit(): number {
    return Number(this.#commit);
  }

  /** Its last durable entry of earlier terms when a term began here, before any vote in it; undefined: none did. */
  lastBefore(term: number): EntryRecord | undefined {
    return this.#lastBefore.get(term);
  }

  /** Looks at what it is now. Costs little when nothing that matters changed. */
  observe(): void {
    const { member } = this.#parts.slot;
    if (member !== this.#member || member === undefined) {
      this.#member = member;
      this.#tip = undefined;
      if (member === undefined) return;
      this.#begin(member);
      return;
    }
    const { node, machine } = member;
    const { log } = node;
    if (this.#parts.disk.isUnreadable) this.#believe(member);
    if (
      node.term === this.#term &&
      node.role === this.#role &&
      log.committed === this.#commit &&
      log.lastIndex === this.#lastIndex &&
      log.lastTerm === this.#lastTerm &&
      machine.appliedIndex === this.#applied
    ) {
      return;
    }
    this.#follow(member);
  }

  #believe({ id, node }: CheckedMember): void {
    const durable =
      this.#tip && recordAt(this.#tip, Math.min(Number(node.log.durableIndex), this.#tip.index));
    if (durable !== undefined) markDurable(durable, id);
  }

  #begin(member: CheckedMember): void {
    const { ledgers, disk, slot } = this.#parts;
    this.#checkIdentity(member);
    const { life } = slot;
    watchApplied(member.machine, (entry, revisionBefore) => {
      // A step of a process that ended within it runs to its end, and nobody sees it.
      if (life?.isOver !== true) this.#appliedEntry(member, entry, revisionBefore);
    });
    const { log } = member.node;
    this.#isBeginning = true;
    this.#lastBefore.clear();
    this.#role = "follower";
    this.#term = 0n;
    this.#commit = 0n;
    this.#applied = 0n;
    this.#lastIndex = log.lastIndex;
    this.#lastTerm = log.lastTerm;
    const reading = readLog(ledgers.entries, { log, disk: slot.disk, tip: undefined });
    this.#tip = this.#take(member, reading);
    if (this.#tip !== undefined) disk.began();
    if (member.machine.appliedIndex > log.committed) {
      const { appliedIndex } = member.machine;
      this.#fail("commit-covers-applied", `begins with ${appliedIndex} applied, ${log.committed} committed`);
    }
    this.#follow(member);
    this.#isBeginning = false;
  }

  #checkIdentity(member: CheckedMember): void {
    const { ledgers, disk, slot, slots } = this.#parts;
    const { state } = disk;
    const fail = (property: string, message: string): void =>
      ledgers.world.fail(property, `${slot.name}: ${message}`);
    if (disk.isUnreadable) return;
    if (state === undefined || state.memberId !== member.id || state.clusterId !== member.clusterId) {
      const says = state === undefined ? "nothing" : formatId(state.memberId);
      fail("identity", `member ${formatId(member.id)} runs on a disk that says ${says}`);
      return;
    }
    if (state.removedIndex !== undefined) fail("blank-never-votes", "a member that knows its removal runs");
    for (const other of slots) {
      if (other === slot || other.member?.id !== member.id) continue;
      fail("one-life-per-member", `member ${formatId(member.id)} also runs in ${other.name}`);
    }
    if (slot.life === this.#life) return;
    const isSameDisk = this.#identity === member.id && this.#tampered === slot.disk.tampered;
    if (isSameDisk && state.incarnation <= this.#incarnation) {
      fail("incarnation-grows", `start ${state.incarnation} comes after ${this.#incarnation}`);
    }
    this.#life = slot.life;
    this.#incarnation = state.incarnation;
    this.#identity = member.id;
    this.#tampered = slot.disk.tampered;
  }

  /** Everything that may have changed, in the order in which one thing rests on the other. */
  #follow(member: CheckedMember): void {
    const { node, machine } = member;
    const { log } = node;
    const before = { term: this.#term, role: this.#role, commit: this.#commit, tip: this.#tip };
    this.#term = node.term;
    this.#role = node.role;
    this.#commit = log.committed;
    if (node.term < before.term) this.#fail("term-monotonic", `term ${before.term} became ${node.term}`);
    if (log.committed < before.commit) {
      this.#fail("commit-monotonic", `commit index ${before.commit} became ${log.committed}`);
    }
    const appended = this.#followLog(member, before.tip);
    this.#lastIndex = log.lastIndex;
    this.#lastTerm = log.lastTerm;
    if (this.#tip === undefined || before.tip === undefined) return;
    const last = node.term === before.term ? undefined : lastDurable(this.#tip, member.id, this.term);
    if (last !== undefined) this.#lastBefore.set(this.term, last);
    this.#followRole(member, this.#tip, before);
    if (log.committed !== before.commit)
      this.#followCommit(member, this.#tip, { ...before, tip: before.tip });
    for (const record of appended) this.#checkConfiguration(member, record);
    const inForce = this.#tip.configuration?.index ?? 0;
    if (Number(node.configuration.index) !== inForce) {
      const found = node.configuration.index;
      this.#fail(
        "configuration-in-force",
        `uses that of ${found}, the newest in its log is that of ${inForce}`,
      );
    }
    if (machine.appliedIndex !== this.#applied) this.#followApplied(member);
  }

  /** Returns the configurations that this member, as leader, has appended. */
  #followLog(member: CheckedMember, before: EntryRecord | undefined): readonly EntryRecord[] {
    const { ledgers, slot } = this.#parts;
    const { log } = member.node;
    if (before === undefined) return [];
    if (log.lastIndex === this.#lastIndex && log.lastTerm === this.#lastTerm) return [];
    const reading = readLog(ledgers.entries, { log, disk: slot.disk, tip: before });
    const tip = this.#take(member, reading);
    this.#tip = tip;
    if (tip === undefined || reading.kind !== "read") return [];
    this.#checkReplaced(before, reading.from);
    return reading.added.filter((record) => isConfiguration(record) && record.term === this.term);
  }

  /** Entries of the log after `from` are gone. */
  #checkReplaced(before: EntryRecord, from: EntryRecord): void {
    const { commits, world } = this.#parts.ledgers;
    for (let at = before; at !== from && at.index > from.index; at = at.previous!) {
      if (isConfiguration(at)) world.coverage.count("membership.rolled-back");
      if (at.index > this.commit || commits.at(at.index) !== at) continue;
      this.#fail("committed-stays", `${describeRecord(at)} is committed and was removed from the log`);
    }
  }

  /** New entries are of the leader of their term; the answer is the end of the log. */
  #take(member: CheckedMember, reading: LogReading): EntryRecord | undefined {
    const { ledgers, slot } = this.#parts;
    if (reading.kind === "conflict") {
      this.#fail("log-matching", reading.message);
      return undefined;
    }
    if (reading.kind === "unreadable") {
      if (slot.disk.tampered === 0) this.#fail("log-content", reading.message);
      ledgers.isBlind = true;
      return undefined;
    }
    for (const { term, index } of reading.added) {
      const leader = ledgers.elections.leader(term);
      if (leader === undefined) {
        if (member.node.role !== "leader" || this.term !== term) ledgers.elections.claimed(term, member.id);
      } else if (leader !== member.id) {
        const made = `made entry ${index} of term ${term}`;
        this.#fail(
          "entries-from-leaders",
          `${formatId(member.id)} ${made}, its leader is ${formatId(leader)}`,
        );
      }
    }
    return reading.tip;
  }

  #followRole(
    member: CheckedMember,
    tip: EntryRecord,
    before: { term: bigint; role: Role; tip: EntryRecord | undefined },
  ): void {
    const { elections } = this.#parts.ledgers;
    const isSameTerm = before.term === this.#term;
    if (this.#role === "candidate" && !(isSameTerm && before.role === "candidate"))
      elections.started(this.term);
    if (this.#role !== "leader") return;
    if (isSameTerm && before.role === "leader" && before.tip !== undefined) {
      if (recordAt(tip, before.tip.index) === before.tip) return;
      this.#fail("leader-append-only", `${describeRecord(before.tip)} is gone from the log of its leader`);
      return;
    }
    const leader = elections.leader(this.term);
    if (leader !== undefined && leader !== member.id) {
      this.#fail(
        "election-safety",
        `${formatId(member.id)} and ${formatId(leader)} lead in term ${this.#term} (Raft §5.2)`,
      );
      return;
    }
    // Only a candidate of a term wins it, so a term before this step may be one of a role not seen.
    if (leader === undefined && !(isSameTerm && before.role === "candidate")) elections.started(this.term);
    elections.won(this.term, member.id);
    this.#checkElection(member, tip);
  }

  #checkElection(member: CheckedMember, tip: EntryRecord): void {
    const { disk, ledgers } = this.#parts;
    const { commits, votes } = ledgers;
    const { term } = this;
    if (disk.isUnreadable) votes.add(member.id, term, member.id);
    let last: EntryRecord = tip;
    while (last.term === term && last.previous !== undefined) last = last.previous;
    const configuration = last.configuration?.configuration;
    if (configuration === undefined || !isDecided(configuration, (id) => votes.of(id, term) === member.id)) {
      const inForce = configuration === undefined ? "none" : describeConfiguration(configuration);
      this.#fail("election-quorum", `leads in term ${term} without the votes of a majority of ${inForce}`);
    }
    const committed = commits.lastBefore(term);
    if (recordAt(tip, committed.index) !== committed) {
      const found = describeRecord(recordAt(tip, committed.index));
      this.#fail(
        "leader-completeness",
        `leads in term ${term} with ${found}, committed is ${describeRecord(committed)} (Raft §5.4)`,
      );
    }
  }

  #followCommit(
    member: CheckedMember,
    tip: EntryRecord,
    before: { term: bigint; role: Role; commit: bigint; tip: EntryRecord },
  ): void {
    const led = this.#role === "leader" ? this.#term : before.role === "leader" ? before.term : undefined;
    const { ledgers } = this.#parts;
    const extended = checkCommitMove(ledgers, {
      member: member.id,
      tip,
      tipBefore: before.tip,
      from: Number(before.commit),
      to: this.commit,
      ledIn: led === undefined ? undefined : Number(led),
      mayBeUnseen: this.#isBeginning || ledgers.isBlind,
    });
    if (!extended || led === undefined) return;
    const { commits } = ledgers;
    const committed = commits.at(commits.index)!;
    for (const other of this.#parts.watches) {
      if (other.role !== "leader" || other.tip === undefined || other.term <= Number(led)) continue;
      if (recordAt(other.tip, committed.index) === committed) continue;
      this.#fail(
        "leader-completeness",
        `commits ${describeRecord(committed)} in term ${led}, the leader of term ${other.term} does not have it`,
      );
    }
  }

  #checkConfiguration(member: CheckedMember, record: EntryRecord): void {
    const { ledgers, promoteMaxLagEntries } = this.#parts;
    const { commit } = this;
    checkAppendedConfiguration(ledgers, { record, leader: member.id, commit, promoteMaxLagEntries });
  }

  /** Not entry by entry: what a life begins with, or a snapshot. */
  #followApplied({ machine }: CheckedMember): void {
    if (machine.appliedIndex < this.#applied) {
      this.#fail("applied-monotonic", `applied index ${this.#applied} became ${machine.appliedIndex}`);
    }
    this.#applied = machine.appliedIndex;
    this.checkApplied();
  }

  /** Compares the store as it is with that of all others at the same index. */
  checkApplied(): void {
    if (this.#member !== undefined) this.#compareStore(this.#member);
  }

  #compareStore({ machine }: CheckedMember, revisionBefore?: number): void {
    const state = appliedState(machine);
    const other = this.#parts.ledgers.applied.add(revisionBefore ?? state.revision, state);
    if (other === undefined) return;
    this.#fail(
      "state-machine-safety",
      `the store after ${state.index} has revision ${state.revision}, hash ${state.hash.toString(16)}; ` +
        `that of others revision ${other.revision}, hash ${other.hash.toString(16)} (B14)`,
    );
  }

  /** A member that applied its own removal ends, soon. */
  checkRemoved(): void {
    const { commits, world } = this.#parts.ledgers;
    const member = this.#member;
    const removedAt = member === undefined ? undefined : commits.removedAt(member.id);
    if (member === undefined || removedAt === undefined || member.machine.appliedIndex < removedAt) {
      this.#knowsRemovalUs = undefined;
      return;
    }
    this.#knowsRemovalUs ??= world.nowUs;
    if (this.#parts.slot.life?.isPaused === true) this.#knowsRemovalUs = world.nowUs;
    if (world.nowUs - this.#knowsRemovalUs <= REMOVED_MAX_US) return;
    this.#fail("removed-stays-quiet", `takes part after it applied ${removedAt}, which removed it (A4)`);
  }

  #appliedEntry(member: CheckedMember, entry: Entry, revisionBefore: number): void {
    const { commits } = this.#parts.ledgers;
    const index = Number(entry.index);
    // One that learns of its removal by an entry is no member from there on, and applies what is left.
    if (this.#member === member) this.#applied = entry.index;
    if (index > commits.index) this.observe();
    const committed = commits.at(index);
    if (committed?.term !== Number(entry.term) || committed.digest !== digestOf(entry)) {
      this.#fail(
        "state-machine-safety",
        `applies ${entry.type} entry ${index} of term ${entry.term}, committed is ${describeRecord(committed)}`,
      );
      return;
    }
    this.#compareStore(member, revisionBefore);
  }

  #fail(property: string, message: string): void {
    this.#parts.ledgers.world.fail(property, `${this.#parts.slot.name}: ${message}`);
  }
}

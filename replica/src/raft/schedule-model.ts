import { decodeConfiguration } from "./confchange/codec.ts";
import { check, isDecided } from "./schedule-check.ts";
import type { ScheduleMember } from "./schedule-member.ts";
import type {
  Configuration,
  Entry,
  HardState,
  IndexedConfiguration,
  MemberId,
  SnapshotMetadata,
} from "./types.ts";

interface KnownEntry {
  readonly entry: Entry;
  readonly previousTerm: bigint;
}

/** How a leader's commit index moved. */
export interface CommitMove {
  readonly term: bigint;
  readonly from: bigint;
  readonly to: bigint;
}

/**
 * What the cluster as a whole has promised, seen from above: the properties of Raft (Figure 3 of the paper),
 * of its durability and of its membership, checked against each step of each member.
 */
export class ScheduleModel {
  readonly #members: ReadonlyMap<MemberId, ScheduleMember>;
  readonly #leaders = new Map<bigint, MemberId>();
  /** Every vote that was ever durable or granted, by member and term. */
  readonly #votes = new Map<string, MemberId>();
  /** Every entry that was ever in a log, by index and term. */
  readonly #known = new Map<string, KnownEntry>();
  readonly #committed: Entry[] = [];
  /** The term of the leader that committed each of them. */
  readonly #committedIn: bigint[] = [];
  /** The point that the first log begins after. */
  readonly #base: { readonly index: bigint; readonly term: bigint };
  readonly #configurations: IndexedConfiguration[];
  /** How often schedules got to what they are to test. */
  readonly reached = {
    elections: 0,
    commits: 0,
    jointConfigurations: 0,
    replacedEntries: 0,
    snapshots: 0,
  };

  constructor(members: ReadonlyMap<MemberId, ScheduleMember>, base: SnapshotMetadata) {
    this.#members = members;
    this.#base = base;
    this.#configurations = [base.configuration];
  }

  /** The highest index that any leader has known to be committed. */
  get commitIndex(): bigint {
    return this.#base.index + BigInt(this.#committed.length);
  }

  committedTerm(index: bigint): bigint | undefined {
    if (index === this.#base.index) return this.#base.term;
    return index < this.#base.index ? undefined : this.#committed[Number(index - this.#base.index) - 1]?.term;
  }

  /** An entry that the cluster is born with: committed, and in every first log. */
  found(entry: Entry, configuration: IndexedConfiguration): void {
    this.#known.set(`${entry.index}/${entry.term}`, { entry, previousTerm: this.#base.term });
    this.#committed.push(entry);
    this.#committedIn.push(entry.term);
    this.#configurations.push(configuration);
  }

  /** Is this member the leader of that term, or was it? */
  led(member: MemberId, term: bigint): boolean {
    return this.#leaders.get(term) === member;
  }

  /** A hard state has reached a disk, or a granted vote has left that a later term on the disk stands for. */
  votes(member: ScheduleMember, { term, vote }: Pick<HardState, "term" | "vote">): void {
    if (vote === 0n) return;
    const before = this.#votes.get(`${member.id}/${term}`);
    check(before === undefined || before === vote, "one vote a term (Raft §5.2)", () => {
      return `${member.id} voted for ${before} and ${vote} in term ${term}`;
    });
    this.#votes.set(`${member.id}/${term}`, vote);
  }

  /** A member says that it leads. */
  leads(member: ScheduleMember, term: bigint): void {
    const leader = this.#leaders.get(term);
    check(leader === undefined || leader === member.id, "election safety (Raft §5.2)", () => {
      return `${leader} and ${member.id} lead in term ${term}`;
    });
    if (leader === member.id) return;
    this.#leaders.set(term, member.id);
    this.reached.elections += 1;
    const { configuration } = member.configuration;
    check(
      isDecided(configuration, (id) => this.#votes.get(`${id}/${term}`) === member.id),
      "a leader has durable votes of every active half (Raft §6)",
      () => `${member.id} leads in term ${term} with ${describeConfiguration(configuration)}`,
    );
    for (let index = firstIndexOf(member); index <= this.commitIndex; index++) {
      // One that is elected late may lack what was committed in later terms.
      if (this.#committedIn[Number(index - this.#base.index) - 1]! >= term) continue;
      check(
        member.written.term(index) === this.committedTerm(index),
        "leader completeness (Raft §5.4)",
        () => {
          return `${member.id} leads in term ${term} without the committed entry ${index}`;
        },
      );
    }
  }

  /**
   * A member campaigns. It needs a vote in the configuration in force or, until that is committed, in one that
   * it may fall back to (dissertation §4.2.2).
   */
  campaigns(member: ScheduleMember, commit: bigint): void {
    const { configurations } = member;
    const committed = configurations.findLastIndex(({ index }) => index <= commit);
    const possible = configurations.slice(Math.max(0, committed)).map(({ configuration }) => configuration);
    const isVoter = possible.some(({ voters, outgoing }) => [...voters, ...outgoing].includes(member.id));
    check(isVoter, "only voters campaign", () => {
      return `${member.id} with ${describeConfiguration(member.configuration.configuration)}`;
    });
  }

  /** Entries are handed out to be written after an entry of `previousTerm`. */
  appends(member: ScheduleMember, entries: readonly Entry[], previousTerm: bigint | undefined): void {
    let before = previousTerm;
    for (const entry of entries) {
      const key = `${entry.index}/${entry.term}`;
      const known = this.#known.get(key);
      check(before !== undefined && before <= entry.term, "terms in a log never go back", () => {
        return `${member.id}: ${before} before ${describeEntry(entry)}`;
      });
      if (known === undefined) {
        check(this.led(member.id, entry.term), "only the leader of a term makes its entries", () => {
          return `${member.id} made ${describeEntry(entry)}`;
        });
        this.#known.set(key, { entry, previousTerm: before });
        if (entry.type === "configuration") this.#changes(member, entry);
      } else {
        check(
          known.previousTerm === before && sameEntry(known.entry, entry),
          "log matching (Raft §5.3)",
          () => {
            return `${member.id} has ${describeEntry(entry)} after term ${before}, others after ${known.previousTerm}`;
          },
        );
      }
      before = entry.term;
    }
  }

  knows(index: bigint, term: bigint): boolean {
    return this.#known.has(`${index}/${term}`) || (index === this.#base.index && term === this.#base.term);
  }

  /** A leader appends a configuration; `member.configurations` still ends with the one before it. */
  #changes(member: ScheduleMember, entry: Entry): void {
    const commit = member.node!.status().commit;
    check(
      this.committedTerm(commit) === entry.term,
      "no change before an entry of the term is committed (A1)",
      () => {
        return `${member.id} appends ${describeEntry(entry)} with commit index ${commit}`;
      },
    );
    check(member.configuration.index <= commit, "one change of configuration at a time (A2)", () => {
      return `${member.id} appends ${describeEntry(entry)} while ${member.configuration.index} is not committed`;
    });
    this.#follows(member.configuration.configuration, decodeConfiguration(entry.data));
  }

  /** A configuration comes into force after another in a log. */
  #follows(before: Configuration, after: Configuration): void {
    const detail = () => `${describeConfiguration(before)} then ${describeConfiguration(after)}`;
    if (before.voters.length === 0) return;
    if (before.outgoing.length > 0) {
      const learners = [...before.learners, ...before.learnersNext].sort();
      check(after.outgoing.length === 0, "a joint configuration is left (Raft §6)", detail);
      check(sameMembers(after.voters, before.voters), "leaving keeps the incoming voters", detail);
      check(sameMembers([...after.learners].sort(), learners), "leaving keeps the learners", detail);
    } else if (after.outgoing.length > 0) {
      this.reached.jointConfigurations += 1;
      check(sameMembers(after.outgoing, before.voters), "the outgoing half is what was", detail);
    } else {
      check(sameMembers(after.voters, before.voters), "voters change by joint consensus only", detail);
    }
  }

  /** The commit index of a leader has moved. */
  commits(member: ScheduleMember, { term, from, to }: CommitMove): void {
    const { configuration } = member.configuration;
    check(
      isDecided(configuration, (id) => holdsDurably(this.#members.get(id), to, member)),
      "committed is durable on a majority of every active half (Raft §5.4, §6)",
      () => `${member.id} commits ${to} with ${describeConfiguration(configuration)}`,
    );
    check(member.written.term(to) === term, "only entries of its own term by counting (Raft §5.4.2)", () => {
      return `${member.id} commits ${to} of term ${member.written.term(to)} in term ${term}`;
    });
    this.reached.commits += 1;
    this.#extend(member, { term, from, to });
    for (const other of this.#members.values()) {
      const status = other.node?.status();
      if (status?.role !== "leader" || status.term <= term) continue;
      for (let index = firstIndexOf(other); index <= to; index++) {
        check(
          other.written.term(index) === this.committedTerm(index),
          "leader completeness (Raft §5.4)",
          () => {
            return `${index} is committed in term ${term}, ${other.id} leads in ${status.term} without it`;
          },
        );
      }
    }
  }

  #extend(member: ScheduleMember, { term, from, to }: CommitMove): void {
    for (let index = from + 1n; index <= to; index++) {
      const [entry] = member.written.entries(index, index + 1n, 0);
      const known = this.committedTerm(index);
      check(known === undefined || known === entry!.term, "state machine safety (Raft §5.4.3)", () => {
        return `${member.id} commits ${describeEntry(entry!)}, committed is term ${known}`;
      });
      if (index <= this.commitIndex) continue;
      check(index === this.commitIndex + 1n, "a leader holds all that it commits", () => {
        return `${member.id} commits ${index} after ${this.commitIndex}`;
      });
      this.#committed.push(entry!);
      this.#committedIn.push(term);
      if (entry!.type === "configuration") this.#configurations.push(...configurationsOf(member, index));
    }
  }

  /** A member other than a leader knows that `to` is committed. */
  learns(member: ScheduleMember, to: bigint): void {
    check(to <= this.commitIndex, "followers commit what leaders committed", () => {
      return `${member.id} commits ${to}, leaders ${this.commitIndex}`;
    });
  }

  /** Committed entries are handed out to be applied. */
  applies(member: ScheduleMember, entries: readonly Entry[]): void {
    let next = member.handedOut + 1n;
    for (const entry of entries) {
      check(entry.index === next, "applied in order, without gaps", () => {
        return `${member.id} applies ${entry.index}, next is ${next}`;
      });
      const committed = this.#committed[Number(next - this.#base.index) - 1];
      check(
        committed !== undefined && sameEntry(committed, entry),
        "state machine safety (Raft §5.4.3)",
        () => {
          return `${member.id} applies ${describeEntry(entry)}, committed is ${committed && describeEntry(committed)}`;
        },
      );
      next += 1n;
    }
  }

  installs(member: ScheduleMember, snapshot: SnapshotMetadata): void {
    const { index, term, configuration } = snapshot;
    this.reached.snapshots += 1;
    check(index > member.handedOut, "a snapshot never replaces newer state", () => {
      return `${member.id} installs ${index} over ${member.handedOut}`;
    });
    check(term === this.committedTerm(index), "a snapshot stands for committed entries", () => {
      return `${member.id} installs ${index} of term ${term}, committed is ${this.committedTerm(index)}`;
    });
    const inForce = this.#configurations.findLast((one) => one.index <= index);
    check(configuration.index === inForce?.index, "a snapshot carries the configuration in force", () => {
      return `${index} carries ${configuration.index}, in force is ${inForce?.index}`;
    });
  }

  /** Before a write replaces entries of a disk: none that is committed may go. */
  replaces(member: ScheduleMember, entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    const { durable } = member;
    if (first.index <= durable.lastIndex()) this.reached.replacedEntries += 1;
    for (let index = first.index; index <= durable.lastIndex() && index <= this.commitIndex; index++) {
      if (durable.term(index) !== this.committedTerm(index)) continue;
      check(
        entries[Number(index - first.index)]?.term === this.committedTerm(index),
        "what is committed stays",
        () => {
          return `${member.id} removes the committed entry ${index} from its disk`;
        },
      );
    }
  }
}

function firstIndexOf(member: ScheduleMember): bigint {
  return member.written.firstIndex();
}

/** Is the entry of `index` in the leader's log also on that member's disk, in a snapshot or as it is? */
function holdsDurably(member: ScheduleMember | undefined, index: bigint, leader: ScheduleMember): boolean {
  if (member === undefined) return false;
  return index < member.durable.firstIndex() || member.durable.term(index) === leader.written.term(index);
}

function configurationsOf(member: ScheduleMember, index: bigint): IndexedConfiguration[] {
  return member.configurations.filter((one) => one.index === index);
}

function sameEntry(a: Entry, b: Entry): boolean {
  if (a === b) return true;
  if (a.index !== b.index || a.term !== b.term || a.type !== b.type) return false;
  return a.data.length === b.data.length && a.data.every((byte, i) => byte === b.data[i]);
}

function sameMembers(a: readonly MemberId[], b: readonly MemberId[]): boolean {
  return a.length === b.length && a.every((id, i) => id === b[i]);
}

export function describeConfiguration({ voters, outgoing, learners }: Configuration): string {
  return `voters ${voters.join(",")}; outgoing ${outgoing.join(",")}; learners ${learners.join(",")}`;
}

export function describeEntry({ index, term, type }: Entry): string {
  return `${type} entry ${index} of term ${term}`;
}

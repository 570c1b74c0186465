import { membersOf } from "@rstore/replica/raft/confchange/configuration";
import type { Configuration, MemberId } from "@rstore/replica/raft/types";
import { type ConfigurationRecord, type EntryRecord, isConfiguration } from "./entry-ledger.ts";

/** What is committed: it never changes, it only becomes more. */
export class CommitLedger {
  readonly #records: EntryRecord[];
  /** The term of the leader that committed each of them. Never goes back along the log. */
  readonly #committedIn: number[] = [0];
  /** Members that a committed configuration is without, after one with them, with its index (A7). */
  readonly #removed = new Map<MemberId, number>();
  #configuration: Configuration | undefined;

  constructor(root: EntryRecord) {
    this.#records = [root];
  }

  /** The highest index that any leader has known to be committed. */
  get index(): number {
    return this.#records.length - 1;
  }

  at(index: number): EntryRecord | undefined {
    return this.#records[index];
  }

  /** Index of the configuration without it; undefined: it was not removed. */
  removedAt(member: MemberId): number | undefined {
    return this.#removed.get(member);
  }

  /** The last entry that leaders of terms before this one committed: each leader of the term must have it. */
  lastBefore(term: number): EntryRecord {
    let index = this.index;
    while (index > 0 && this.#committedIn[index]! >= term) index--;
    return this.#records[index]!;
  }

  /**
   * A leader of `term` committed its log up to `record`, whose first new entry follows what is committed.
   * Returns the new entries that are configurations; undefined, and nothing is taken, when the log goes on
   * from something else.
   */
  extend(record: EntryRecord, term: number): EntryRecord[] | undefined {
    const added: EntryRecord[] = [];
    let at: EntryRecord | undefined = record;
    for (; at !== undefined && at.index > this.index; at = at.previous) added.push(at);
    if (at !== this.#records[this.index]) return undefined;
    added.reverse();
    for (const one of added) {
      this.#records.push(one);
      this.#committedIn.push(term);
    }
    const configurations = added.filter(isConfiguration);
    for (const one of configurations) this.#follow(one.configuration!);
    return configurations;
  }

  #follow({ index, configuration: next }: ConfigurationRecord): void {
    const before = this.#configuration === undefined ? [] : everyoneIn(this.#configuration);
    const staying = everyoneIn(next);
    for (const member of before) if (!staying.includes(member)) this.#removed.set(member, index);
    this.#configuration = next;
  }
}

/** In either half, with or without a vote, now or next. */
export function everyoneIn(configuration: Configuration): MemberId[] {
  return [...new Set([...membersOf(configuration), ...configuration.learnersNext])];
}

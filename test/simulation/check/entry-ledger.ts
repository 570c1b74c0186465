import { xxh32 } from "@rstore/replica/mvcc/hash";
import { decodeConfiguration } from "@rstore/replica/raft/confchange/codec";
import type { Configuration, Entry, MemberId } from "@rstore/replica/raft/types";

/** A configuration, and the one that it took the place of in its log. */
export interface ConfigurationRecord {
  readonly index: number;
  readonly configuration: Configuration;
  readonly previous: ConfigurationRecord | undefined;
}

/**
 * An entry that was once in a log, after the entry before it. All logs together are a tree of these: two logs
 * that hold the same record are the same up to there, which is what log matching says (Raft §5.3).
 */
export interface EntryRecord {
  readonly index: number;
  readonly term: number;
  readonly digest: number;
  /** undefined: the beginning of all logs. */
  readonly previous: EntryRecord | undefined;
  /** In force in a log that ends here. */
  readonly configuration: ConfigurationRecord | undefined;
  /** Members that had it, or a snapshot that stands for it, durably at some time. */
  readonly durableOn: MemberId[];
}

/** Why an entry cannot be the one that others have. */
export type EntryConflict = "other-content" | "other-prefix";

export type SeenEntry =
  | { readonly record: EntryRecord; readonly isNew: boolean }
  | { readonly conflict: EntryConflict };

/** Every entry that was ever in a log, by index and term. */
export class EntryLedger {
  readonly root: EntryRecord = {
    index: 0,
    term: 0,
    digest: 0,
    previous: undefined,
    configuration: undefined,
    durableOn: [],
  };
  readonly #byIndex: EntryRecord[][] = [[this.root]];

  find(index: number, term: number): EntryRecord | undefined {
    const records = this.#byIndex[index];
    if (records === undefined) return undefined;
    for (let i = records.length - 1; i >= 0; i--) if (records[i]!.term === term) return records[i];
    return undefined;
  }

  /** An entry stands in some log, after `previous`. */
  see(previous: EntryRecord, entry: Entry): SeenEntry {
    const index = previous.index + 1;
    const term = Number(entry.term);
    const digest = digestOf(entry);
    const known = this.find(index, term);
    if (known !== undefined) {
      if (known.previous !== previous) return { conflict: "other-prefix" };
      return known.digest === digest ? { record: known, isNew: false } : { conflict: "other-content" };
    }
    const configuration =
      entry.type === "configuration"
        ? { index, configuration: decodeConfiguration(entry.data), previous: previous.configuration }
        : previous.configuration;
    const record: EntryRecord = { index, term, digest, previous, configuration, durableOn: [] };
    let records = this.#byIndex[index];
    if (records === undefined) {
      records = [];
      this.#byIndex[index] = records;
    }
    records.push(record);
    return { record, isNew: true };
  }
}

export function digestOf({ type, data }: Entry): number {
  return xxh32(data, 0, data.length, type === "configuration" ? 1 : 0);
}

/** The record of an index in the log that ends with `tip`; undefined: the log ends before. */
export function recordAt(tip: EntryRecord, index: number): EntryRecord | undefined {
  let at: EntryRecord | undefined = tip.index < index ? undefined : tip;
  while (at !== undefined && at.index > index) at = at.previous;
  return at;
}

export function isConfiguration(record: EntryRecord): boolean {
  return record.configuration?.index === record.index;
}

/** Marks a log that is durable on a member. */
export function markDurable(tip: EntryRecord, member: MemberId): void {
  for (let at: EntryRecord | undefined = tip; at !== undefined; at = at.previous) {
    if (at.durableOn.includes(member)) return;
    at.durableOn.push(member);
  }
}

/**
 * The last entry of earlier terms in the log that ends with `tip` that is durable on a member: what came in the
 * same step is not yet.
 */
export function lastDurable(
  tip: EntryRecord | undefined,
  member: MemberId,
  beforeTerm: number,
): EntryRecord | undefined {
  let at = tip;
  while (at !== undefined && (at.term >= beforeTerm || !at.durableOn.includes(member))) at = at.previous;
  return at;
}

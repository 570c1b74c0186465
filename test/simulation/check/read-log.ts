import type { Entry } from "@rstore/replica/raft/types";
import { describeRecord } from "./describe.ts";
import { type EntryLedger, type EntryRecord, recordAt } from "./entry-ledger.ts";
import type { CheckedMember, CheckedSlot } from "./types.ts";

interface LogParts {
  readonly log: CheckedMember["node"]["log"];
  readonly disk: CheckedSlot["disk"];
  /** Where the log ended when it was read last; undefined: it was not, and all of it is read. */
  readonly tip: EntryRecord | undefined;
}

export type LogReading =
  | {
      readonly kind: "read";
      readonly tip: EntryRecord;
      /** What was read follows this one. */
      readonly from: EntryRecord;
      /** Entries that nobody had before, in order. */
      readonly added: readonly EntryRecord[];
    }
  | { readonly kind: "conflict"; readonly message: string }
  | { readonly kind: "unreadable"; readonly message: string };

/**
 * Reads a log from where it agrees with what it was, and compares each entry with what others have there (log
 * matching). What is durable is read from the disk, behind the back of the member: it must not meet a fault.
 */
export function readLog(entries: EntryLedger, { log, disk, tip }: LogParts): LogReading {
  const base = Number(log.firstIndex) - 1;
  const last = Number(log.lastIndex);
  const durable = Number(log.durableIndex);
  let from = tip === undefined ? undefined : recordAt(tip, Math.min(last, tip.index));
  // What is durable and was read before stays: whatever replaces it is not durable at first.
  while (from !== undefined && from.index > Math.max(base, durable)) {
    if (Number(log.term(BigInt(from.index))) === from.term) break;
    from = from.previous;
  }
  if (from === undefined || from.index <= base) {
    const baseTerm = log.term(BigInt(base));
    from = entries.find(base, Number(baseTerm));
    if (from === undefined) {
      return {
        kind: "conflict",
        message: `the log begins after entry ${base} of term ${baseTerm}, which nobody had`,
      };
    }
  }
  return readOn(entries, { log, disk, tip }, from);
}

function readOn(entries: EntryLedger, { log, disk }: LogParts, from: EntryRecord): LogReading {
  const last = log.lastIndex;
  const durable = log.durableIndex;
  const added: EntryRecord[] = [];
  let tip = from;
  const take = (entry: Entry): string | undefined => {
    const seen = entries.see(tip, entry);
    if ("conflict" in seen) {
      const what =
        seen.conflict === "other-prefix" ? "others have it after another entry" : "others have other data";
      return `entry ${entry.index} of term ${entry.term} after ${describeRecord(tip)}: ${what} (Raft §5.3)`;
    }
    tip = seen.record;
    if (seen.isNew) added.push(tip);
    return undefined;
  };
  for (let index = BigInt(from.index) + 1n; index <= durable && index <= last; index++) {
    const entry = disk.durableEntry(index);
    if (entry === undefined) return { kind: "unreadable", message: `entry ${index} is not on the disk` };
    const message = take(entry);
    if (message !== undefined) return { kind: "conflict", message };
  }
  const low = BigInt(tip.index) + 1n;
  for (const entry of log.slice(low, last + 1n, Number.MAX_SAFE_INTEGER) ?? []) {
    const message = take(entry);
    if (message !== undefined) return { kind: "conflict", message };
  }
  if (tip.index !== Number(last))
    return { kind: "unreadable", message: `the log ends with ${tip.index}, not ${last}` };
  return { kind: "read", tip, from, added };
}

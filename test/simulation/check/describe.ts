import type { Configuration, MemberId } from "@rstore/replica/raft/types";
import type { EntryRecord } from "./entry-ledger.ts";

export function formatId(id: MemberId | undefined): string {
  return id === undefined || id === 0n ? "none" : id.toString(16).padStart(16, "0");
}

export function describeRecord(record: EntryRecord | undefined): string {
  return record === undefined ? "nothing" : `entry ${record.index} of term ${record.term}`;
}

export function describeConfiguration({ voters, outgoing, learners, learnersNext }: Configuration): string {
  const list = (ids: readonly MemberId[]) => ids.map(formatId).join(",");
  const halves = outgoing.length === 0 ? list(voters) : `${list(voters)} and ${list(outgoing)}`;
  return `voters ${halves}; learners ${list([...learners, ...learnersNext])}`;
}

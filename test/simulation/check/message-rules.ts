import type { AppendEntries, AppendEntriesResponse, Message, RequestVote } from "@rstore/replica/raft/types";
import type { DurableLogState } from "../disk/types.ts";
import { checkCampaign } from "./campaign-rules.ts";
import { mayCampaign } from "./configuration-rules.ts";
import { describeRecord, formatId } from "./describe.ts";
import { recordAt } from "./entry-ledger.ts";
import type { Ledgers } from "./ledgers.ts";
import type { MemberWatch } from "./member-watch.ts";
import type { CheckedSlot } from "./types.ts";

/** Who hands a message to its transport, as its disk and its memory are at that moment. */
export interface Sender {
  readonly slot: CheckedSlot;
  readonly watch: MemberWatch;
  /** undefined: nothing is there, or nothing that can be read. */
  readonly disk: DurableLogState | undefined;
  readonly isUnreadable: boolean;
  /** The member that leads in a term, if it runs. */
  readonly leaderOf: (term: number) => MemberWatch | undefined;
}

/** What a message claims or promises must be true, and durable where it is a promise, before it leaves. */
export function checkMessage(ledgers: Ledgers, sender: Sender, message: Message): void {
  checkCampaign(ledgers, sender, message);
  switch (message.type) {
    case "AppendEntries":
      checkLeads(ledgers, sender, message);
      checkEntries(ledgers, sender, message);
      break;
    case "Heartbeat":
    case "InstallSnapshot":
    case "TimeoutNow":
      checkLeads(ledgers, sender, message);
      break;
    case "RequestVote":
    case "RequestVoteResponse":
    case "AppendEntriesResponse":
      checkPromise(ledgers, sender, message);
      break;
    default:
      break;
  }
}

function checkLeads({ world, elections }: Ledgers, { slot }: Sender, { type, from, term }: Message): void {
  const leader = elections.leader(Number(term));
  if (leader === from) return;
  if (leader === undefined) {
    elections.claimed(Number(term), from);
    return;
  }
  world.fail(
    "election-safety",
    `${slot.name} (${formatId(from)}) sends ${type} in term ${term}, which ${formatId(leader)} leads (Raft §5.2)`,
  );
}

/** A leader's log is read before this; it matters for one whose log cannot be. */
function checkEntries({ world, entries }: Ledgers, { slot }: Sender, message: AppendEntries): void {
  let previous = entries.find(Number(message.previousIndex), Number(message.previousTerm));
  for (const entry of message.entries) {
    if (previous === undefined) return;
    const known = entries.find(Number(entry.index), Number(entry.term));
    const seen = known?.previous === previous ? { record: known } : entries.see(previous, entry);
    if ("conflict" in seen) {
      world.fail(
        "log-matching",
        `${slot.name} sends entry ${entry.index} of term ${entry.term} after ${describeRecord(previous)}: ${seen.conflict}`,
      );
      return;
    }
    previous = seen.record;
  }
}

type Promising = Extract<Message, { type: "RequestVote" | "RequestVoteResponse" | "AppendEntriesResponse" }>;

interface Fault {
  readonly property: string;
  readonly why: string;
}

function checkPromise(ledgers: Ledgers, sender: Sender, message: Promising): void {
  if (message.type === "RequestVoteResponse" && !message.granted) return;
  if (message.type === "AppendEntriesResponse" && message.rejected) return;
  const fault = promiseFault(ledgers, sender, message);
  if (fault === undefined) return;
  const { type, from, term } = message;
  const what = `${sender.slot.name} (${formatId(from)}) sends ${type} of term ${term}`;
  ledgers.world.fail(fault.property, `${what}: ${fault.why}`);
}

function promiseFault(ledgers: Ledgers, sender: Sender, message: Promising): Fault | undefined {
  const { slot, disk, isUnreadable } = sender;
  if (isUnreadable) {
    if (message.type === "RequestVoteResponse")
      ledgers.votes.add(message.from, Number(message.term), message.to);
    return undefined;
  }
  if (disk?.clusterId === undefined) return silent("its disk belongs to no cluster (B1)");
  if (disk.removedIndex !== undefined) return silent("it knows that it was removed (A4)");
  if (slot.member === undefined) return silent("no member is at work there");
  if (disk.memberId !== message.from) {
    return { property: "identity", why: `its disk is that of ${formatId(disk.memberId)}` };
  }
  // With a later term on the disk, what was promised in this one is void.
  if (disk.term < message.term) return early(`term ${disk.term} is durable`);
  if (message.type === "RequestVote") return requestFault(sender, disk, message);
  if (message.type === "RequestVoteResponse") return voteFault(ledgers, disk, message);
  return acknowledgementFault(sender, disk, message);
}

function silent(why: string): Fault {
  return { property: "blank-never-votes", why };
}

function early(why: string): Fault {
  return { property: "durable-before-promise", why: `${why} (B4)` };
}

function voteFault(
  { votes }: Ledgers,
  disk: DurableLogState,
  { from, to, term }: Promising,
): Fault | undefined {
  if (disk.term === term && disk.vote !== to) return early(`its durable vote is for ${formatId(disk.vote)}`);
  const other = votes.add(from, Number(term), to);
  if (other === undefined) return undefined;
  return { property: "one-vote-a-term", why: `it voted for ${formatId(other)} (Raft §5.2)` };
}

function requestFault({ watch }: Sender, disk: DurableLogState, message: RequestVote): Fault | undefined {
  const { from, term, lastLogIndex, lastLogTerm } = message;
  if (disk.term !== term) return undefined;
  if (disk.vote !== from) return early(`its durable vote is for ${formatId(disk.vote)}`);
  const { tip } = watch;
  if (tip === undefined || watch.role !== "candidate" || watch.term !== Number(term)) return undefined;
  if (!mayCampaign(tip, watch.commit, from)) {
    return { property: "only-voters-campaign", why: "it has no vote in any configuration" };
  }
  const last = recordAt(tip, Number(lastLogIndex));
  if (last?.term === Number(lastLogTerm) && last.durableOn.includes(from)) return undefined;
  return early(`entry ${lastLogIndex} of term ${lastLogTerm} is not durable there`);
}

function acknowledgementFault(
  { watch, leaderOf }: Sender,
  disk: DurableLogState,
  { from, to, term, index }: AppendEntriesResponse,
): Fault | undefined {
  if (disk.term !== term || watch.tip === undefined || watch.term !== Number(term)) return undefined;
  const record = recordAt(watch.tip, Number(index));
  if (!record?.durableOn.includes(from)) {
    return early(`${record === undefined ? `entry ${index}` : describeRecord(record)} is not durable there`);
  }
  const leader = leaderOf(Number(term));
  if (leader?.tip === undefined || leader.member?.id !== to) return undefined;
  const matched = recordAt(leader.tip, Number(index));
  if (matched === record) return undefined;
  const why = `it acknowledges ${describeRecord(record)}, the leader has ${describeRecord(matched)}`;
  return { property: "log-matching", why };
}

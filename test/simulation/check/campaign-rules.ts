import { isDecided } from "@rstore/replica/raft/schedule-check";
import type {
  MemberId,
  Message,
  PreVote,
  PreVoteResponse,
  RequestVote,
  RequestVoteResponse,
} from "@rstore/replica/raft/types";
import { describeRecord, formatId } from "./describe.ts";
import { lastDurable } from "./entry-ledger.ts";
import type { Ledgers } from "./ledgers.ts";
import type { Sender } from "./message-rules.ts";

type Asking = PreVote | RequestVote;
type Granting = PreVoteResponse | RequestVoteResponse;
interface Position {
  readonly index: number;
  readonly term: number;
}

/** Who asked for which term, with the end of which log, and who would vote for it. */
export class CampaignLedger {
  /** Of each request the best log that it claimed. */
  readonly #claims = new Map<string, Position>();
  readonly #preVotes = new Map<string, Set<MemberId>>();

  asked({ type, from, term, lastLogIndex, lastLogTerm }: Asking): void {
    const key = `${type} ${from} ${term}`;
    const claim = { index: Number(lastLogIndex), term: Number(lastLogTerm) };
    const before = this.#claims.get(key);
    if (before === undefined || isBehind(before, claim)) this.#claims.set(key, claim);
  }

  claimOf({ type, to, term }: Granting): Position | undefined {
    return this.#claims.get(`${type === "PreVoteResponse" ? "PreVote" : "RequestVote"} ${to} ${term}`);
  }

  preVoted({ from, to, term }: PreVoteResponse): void {
    const key = `${to} ${term}`;
    const voters = this.#preVotes.get(key);
    if (voters === undefined) this.#preVotes.set(key, new Set([from]));
    else voters.add(from);
  }

  preVotersOf({ from, term }: RequestVote): ReadonlySet<MemberId> {
    return this.#preVotes.get(`${from} ${term}`) ?? nobody;
  }
}

const nobody: ReadonlySet<MemberId> = new Set();

function isBehind(one: Position, other: Position): boolean {
  return one.term < other.term || (one.term === other.term && one.index < other.index);
}

/** Whoever votes has no more than the candidate, and nobody begins a term that a majority would not follow. */
export function checkCampaign(ledgers: Ledgers, sender: Sender, message: Message): void {
  const { campaigns } = ledgers;
  switch (message.type) {
    case "PreVote":
      campaigns.asked(message);
      break;
    case "RequestVote":
      campaigns.asked(message);
      checkPreVotes(ledgers, sender, message);
      break;
    case "PreVoteResponse":
    case "RequestVoteResponse":
      if (!message.granted) break;
      if (message.type === "PreVoteResponse") campaigns.preVoted(message);
      checkGrant(ledgers, sender, message);
      break;
    default:
      break;
  }
}

/** A transfer goes without (dissertation §3.10). */
function checkPreVotes({ world, campaigns }: Ledgers, sender: Sender, message: RequestVote): void {
  const { slot, watch } = sender;
  const { from, term, transfer } = message;
  if (transfer || watch.tip === undefined || watch.role !== "candidate" || watch.term !== Number(term))
    return;
  const voters = campaigns.preVotersOf(message);
  const holds = (id: MemberId): boolean => id === from || voters.has(id);
  for (let one = watch.tip.configuration; one !== undefined; one = one.previous) {
    if (isDecided(one.configuration, holds)) return;
    if (one.index <= watch.commit) break;
  }
  world.fail(
    "pre-vote-first",
    `${slot.name} (${formatId(from)}) begins term ${term} without the pre-votes of a majority (dissertation §9.6, A4)`,
  );
}

function checkGrant({ world, campaigns, elections }: Ledgers, sender: Sender, message: Granting): void {
  const { slot, watch } = sender;
  const { from, to, term } = message;
  const claim = campaigns.claimOf(message);
  const leader = elections.leader(Number(term));
  // What a leader of the term has sent meanwhile came after the vote.
  if (claim === undefined || (leader !== undefined && leader !== to)) return;
  // A pre-vote leaves as soon as it is given. A vote waits for the disk, and a later leader's entries with it.
  const isAtOnce = message.type === "PreVoteResponse";
  const last = isAtOnce ? lastDurable(watch.tip, from, Number(term)) : watch.lastBefore(Number(term));
  if (last === undefined || !isBehind(claim, last)) return;
  world.fail(
    "votes-for-complete-logs",
    `${slot.name} (${formatId(from)}) would vote in term ${term} for ${formatId(to)}, whose log ends with ` +
      `${claim.index} of term ${claim.term}, and has ${describeRecord(last)} itself (Raft §5.4.1)`,
  );
}

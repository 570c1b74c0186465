import { isJoint, isVoter } from "@rstore/replica/raft/confchange/configuration";
import type { Configuration, IndexedConfiguration, MemberId, Message } from "@rstore/replica/raft/types";
import type { Clock } from "@rstore/replica/runtime/clock";
import type { Slot } from "../cluster/types.ts";
import type { World } from "../world/world.ts";
import { formatId } from "./describe.ts";

type Node = Pick<
  NonNullable<Slot["member"]>["node"],
  | "term"
  | "role"
  | "step"
  | "status"
  | "configuration"
  | "isConfigurationSettled"
  | "propose"
  | "proposeConfiguration"
  | "transferLeadership"
>;

export interface LedSlot {
  readonly name: string;
  /** Its own; undefined: nothing is known of time, so nothing is checked. */
  readonly clock?: Pick<Clock, "nowMs"> | undefined;
  readonly member: { readonly id: MemberId; readonly node: object } | undefined;
}

/** Of an election timeout: so long after its leader's last word a member is surely loyal, by whole ticks. */
const LOYAL_SHARE = 0.6;
/** Between two looks a process sleeps less, or it was paused, and then its time stood still. */
const AWAKE_SHARE = 0.25;
/** Election timeouts within which a leader notices; two would do if nothing ever paused. */
const PATIENCE = 5;
/** Election timeouts after which a silent member is surely not taken for a live one. */
const SILENT = 3;

/**
 * What one member owes to its leader, and to the others when it leads: no vote against a leader that it hears
 * (dissertation §4.2.3, A4), no leading without a quorum (§6.2, A19), no transfer without end (§3.10, A17), and
 * no change of membership from what its caller did not see (A2) or to what cannot decide (A6, A9).
 */
export class LeadershipWatch {
  readonly #world: World;
  readonly #slot: LedSlot;
  readonly #timeoutMs: number;
  #node: Node | undefined;
  /** Time that passed while it was awake. */
  #awakeMs = 0;
  #seenMs = 0;
  #lookAtMs = 0;
  /** The leader's last word, by its own clock, and the term that it was of. */
  #leader = { ms: Number.NEGATIVE_INFINITY, term: -1n };
  /** Pre-votes that it was asked for in the step under way: all of them must be refused, or one need not be. */
  readonly #asked = new Map<string, "refuse" | "free">();
  /** Leading: when it began, and when others were heard, in time awake. */
  #led:
    | { readonly term: bigint; readonly sinceMs: number; readonly heard: Map<MemberId, number> }
    | undefined;
  /** Who has voted for it, and when it heard that, in time awake. */
  #votes: { readonly term: bigint; readonly heard: Map<MemberId, number> } = { term: -1n, heard: new Map() };
  #transferSinceMs: number | undefined;
  #mayBeTransferring = false;

  constructor(world: World, slot: LedSlot, electionTimeoutMs: number) {
    this.#world = world;
    this.#slot = slot;
    this.#timeoutMs = electionTimeoutMs;
  }

  /** After each step of its process. */
  observe(): void {
    const { clock, member } = this.#slot;
    if (clock === undefined || member === undefined) {
      this.#node = undefined;
      return;
    }
    if (member.node !== this.#node) this.#begin(member.node as Node, clock);
    const nowMs = clock.nowMs();
    this.#awakeMs += Math.min(nowMs - this.#seenMs, AWAKE_SHARE * this.#timeoutMs);
    this.#seenMs = nowMs;
    this.#asked.clear();
    this.#lead(member.id);
  }

  sent(message: Message): void {
    if (message.type !== "PreVoteResponse" || !message.granted) return;
    if (this.#asked.get(`${message.to} ${message.term}`) === "refuse")
      this.#disloyal(message.to, message.term);
  }

  #begin(node: Node, clock: Pick<Clock, "nowMs">): void {
    this.#node = node;
    this.#seenMs = clock.nowMs();
    this.#leader = { ms: Number.NEGATIVE_INFINITY, term: -1n };
    this.#led = undefined;
    const step = node.step.bind(node);
    node.step = (message) => {
      const { term } = node;
      const isLoyal = this.#isLoyal(node, message, clock.nowMs());
      step(message);
      this.#stepped(node, message, clock.nowMs());
      if (message.type === "PreVote") {
        const key = `${message.from} ${message.term}`;
        this.#asked.set(key, isLoyal && this.#asked.get(key) !== "free" ? "refuse" : "free");
      } else if (isLoyal && node.term > term) this.#disloyal(message.from, message.term);
    };
    const propose = node.proposeConfiguration.bind(node);
    node.proposeConfiguration = (expectedIndex, target) => {
      const before = node.configuration;
      const result = propose(expectedIndex, target);
      if (result.ok) this.#changed(node, before, expectedIndex);
      return result;
    };
    this.#watchTransfers(node);
  }

  #watchTransfers(node: Node): void {
    const transfer = node.transferLeadership.bind(node);
    node.transferLeadership = (target) => {
      this.#mayBeTransferring = true;
      return transfer(target);
    };
    const propose = node.propose.bind(node);
    node.propose = (data) => {
      if (!this.#mayBeTransferring) return propose(data);
      const target = node.status().transferTarget;
      this.#mayBeTransferring = target !== undefined;
      const result = propose(data);
      if (result.ok && target !== undefined) {
        this.#fail("transfer-stops-writes", `takes a write while ${formatId(target)} is to lead (A17)`);
      }
      return result;
    };
  }

  #changed(node: Node, before: IndexedConfiguration, expectedIndex: bigint): void {
    if (before.index !== expectedIndex) {
      this.#fail(
        "change-as-seen",
        `changes what is of ${before.index}, its caller saw ${expectedIndex} (A2)`,
      );
    }
    const id = this.#slot.member?.id ?? 0n;
    const next = node.configuration.configuration;
    const silent = next.voters.filter(
      (voter) =>
        !before.configuration.voters.includes(voter) && this.#silentMs(voter, id) > this.#silentMaxMs,
    );
    if (silent.length > 0) {
      this.#fail("promotion", `${silent.map(formatId).join()} is to vote and was not heard of (A6)`);
    }
    if (
      isJoint(next) &&
      this.#awakeMs - this.#quorumMs(next, id, Number.NEGATIVE_INFINITY) > this.#silentMaxMs
    ) {
      this.#fail("change-to-live-quorum", "the members that it changes to were not heard of (A9)");
    }
  }

  get #silentMaxMs(): number {
    return SILENT * this.#timeoutMs;
  }

  #silentMs(voter: MemberId, id: MemberId): number {
    if (voter === id || this.#led === undefined) return 0;
    return this.#awakeMs - (this.#led.heard.get(voter) ?? Number.NEGATIVE_INFINITY);
  }

  /** Must it not listen to whoever wants to lead? */
  #isLoyal(node: Node, message: Message, nowMs: number): boolean {
    if (message.type !== "PreVote" && message.type !== "RequestVote") return false;
    const { ms, term } = this.#leader;
    // Of a term that has begun there is no leader to lose: who asks for it late may get the vote that it has.
    if (message.term <= node.term) return false;
    if (message.transfer || term !== node.term || nowMs - ms >= LOYAL_SHARE * this.#timeoutMs) return false;
    // It has no leader when the connection was lost.
    return node.role === "follower" && node.status().leader !== 0n;
  }

  #stepped(node: Node, message: Message, nowMs: number): void {
    const { type, from, term } = message;
    if (type === "RequestVoteResponse" && message.granted && term === node.term) {
      if (this.#votes.term !== term) this.#votes = { term, heard: new Map() };
      this.#votes.heard.set(from, this.#awakeMs);
    }
    if (node.role === "leader") this.#led?.heard.set(from, this.#awakeMs);
    else if ((type === "AppendEntries" || type === "Heartbeat") && term === node.term) {
      this.#leader = { ms: nowMs, term };
    }
  }

  #disloyal(candidate: MemberId, term: bigint): void {
    this.#fail(
      "leader-loyalty",
      `votes for ${formatId(candidate)} in term ${term} and hears its leader (A4)`,
    );
  }

  #lead(id: MemberId): void {
    const node = this.#node!;
    if (node.role !== "leader") {
      this.#led = undefined;
      this.#transferSinceMs = undefined;
      return;
    }
    if (this.#led?.term !== node.term) {
      const { term, heard } = this.#votes;
      this.#led = {
        term: node.term,
        sinceMs: this.#awakeMs,
        heard: new Map(term === node.term ? heard : undefined),
      };
    }
    if (!isVoter(node.configuration.configuration, id) && node.isConfigurationSettled()) {
      this.#fail(
        "removed-leader-steps-down",
        "leads, and the committed configuration is without it (Raft §6)",
      );
    }
    if (this.#awakeMs < this.#lookAtMs) return;
    this.#lookAtMs = this.#awakeMs + this.#timeoutMs / 2;
    const patienceMs = PATIENCE * this.#timeoutMs;
    const silentMs = this.#awakeMs - this.#quorumMs(node.configuration.configuration, id, this.#led.sinceMs);
    if (silentMs > patienceMs)
      this.#fail("check-quorum", `leads after ${Math.round(silentMs)} ms without a quorum (A19)`);
    this.#transferSinceMs =
      node.status().transferTarget === undefined ? undefined : (this.#transferSinceMs ?? this.#awakeMs);
    if (this.#awakeMs - (this.#transferSinceMs ?? this.#awakeMs) > patienceMs) {
      this.#fail("transfer-ends", `takes no writes for a transfer that does not come about (A17)`);
    }
  }

  /** When a majority of each half was heard last; `neverMs` stands for who was not heard since it leads. */
  #quorumMs({ voters, outgoing }: Configuration, id: MemberId, neverMs: number): number {
    if (this.#led === undefined) return this.#awakeMs;
    const { heard } = this.#led;
    const times = [voters, outgoing].map((half) => {
      const sorted = half.map((voter) => (voter === id ? this.#awakeMs : (heard.get(voter) ?? neverMs)));
      return sorted.toSorted((a, b) => b - a)[Math.floor(half.length / 2)] ?? this.#awakeMs;
    });
    return Math.min(...times);
  }

  #fail(property: string, message: string): void {
    this.#world.fail(property, `${this.#slot.name}: ${message}`);
  }
}

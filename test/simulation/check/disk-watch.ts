import type { MemberId } from "@rstore/replica/raft/types";
import type { DurableLogState } from "../disk/types.ts";
import { describeRecord, formatId } from "./describe.ts";
import { digestOf, type EntryRecord, markDurable, recordAt } from "./entry-ledger.ts";
import type { Ledgers } from "./ledgers.ts";
import type { CheckedSlot } from "./types.ts";

/** The disk of one slot: what is durable on it never goes back, unless a plan changed it by hand. */
export class DiskWatch {
  readonly #slot: CheckedSlot;
  readonly #ledgers: Ledgers;
  #tampered: number;
  #applied = 0n;
  #state: DurableLogState | undefined;
  #tip: EntryRecord | undefined;
  /** Every entry of `tip` was compared with what is on the disk since it was last changed by hand. */
  #isRead = false;
  #isDamaged = false;
  /** A stamped member without a store ran here: it takes no part until it has fetched one. */
  #isRecovering = false;
  #readNext = 0;

  constructor(slot: CheckedSlot, ledgers: Ledgers) {
    this.#slot = slot;
    this.#ledgers = ledgers;
    this.#tampered = slot.disk.tampered;
  }

  /** As of now; undefined: nothing is there, or nothing that can be read. */
  get state(): DurableLogState | undefined {
    this.refresh();
    return this.#state;
  }

  /** A plan damaged it under a running process, which is taken at its word: nothing can be read back. */
  get isUnreadable(): boolean {
    this.refresh();
    return this.#isDamaged;
  }

  /** To be called soon after a plan changed something by hand: whether a process ran tells damage from a wipe. */
  refresh(): void {
    if (this.#slot.disk.tampered !== this.#tampered) this.#startAnew();
  }

  /** The last entry of the durable log. */
  get tip(): EntryRecord | undefined {
    return this.#tip;
  }

  /** What the plan changed is not measured against what was there before. */
  #startAnew(): void {
    const { disk } = this.#slot;
    this.#tampered = disk.tampered;
    this.#state = undefined;
    this.#tip = undefined;
    this.#isRead = false;
    this.#applied = disk.durableApplied();
    const state = disk.durableLog();
    this.#isDamaged = state === undefined && this.#slot.life !== undefined;
    if (state !== undefined) this.changed(state);
  }

  /** The log's file changed durably. */
  changed(state: DurableLogState): void {
    if (this.#slot.disk.tampered !== this.#tampered) {
      this.#startAnew();
      return;
    }
    const before = this.#state;
    this.#state = state;
    this.#isDamaged = false;
    if (before === undefined || before.memberId !== state.memberId) {
      this.#tip = undefined;
      this.#applied = 0n;
    } else {
      this.#compare(before, state);
    }
    this.#followIdentity(before, state);
    this.#followVote(before, state);
    if (
      before?.lastIndex !== state.lastIndex ||
      before.lastTerm !== state.lastTerm ||
      this.#tip === undefined
    )
      this.#followLog(before, state);
    else if (before.firstIndex !== state.firstIndex) this.#ledgers.world.coverage.count("log.compacted");
  }

  #compare(before: DurableLogState, state: DurableLogState): void {
    const wentBack =
      state.term < before.term ||
      state.commit < before.commit ||
      state.incarnation < before.incarnation ||
      state.firstIndex < before.firstIndex ||
      (state.term === before.term && before.vote !== 0n && state.vote !== before.vote) ||
      (before.clusterId !== undefined && state.clusterId !== before.clusterId) ||
      (before.removedIndex !== undefined && state.removedIndex === undefined);
    if (!wentBack) return;
    this.#fail(
      "durable-never-goes-back",
      `term ${before.term}, vote ${formatId(before.vote)}, commit ${before.commit}, start ${before.incarnation}, ` +
        `first ${before.firstIndex} became term ${state.term}, vote ${formatId(state.vote)}, commit ` +
        `${state.commit}, start ${state.incarnation}, first ${state.firstIndex}`,
    );
  }

  #followIdentity(before: DurableLogState | undefined, state: DurableLogState): void {
    const { clusterId, removedIndex, memberId } = state;
    if (memberId !== before?.memberId) this.#followOwner(memberId, before !== undefined);
    if (clusterId !== undefined && clusterId !== before?.clusterId) {
      this.#ledgers.clusterId ??= clusterId;
      if (this.#ledgers.clusterId !== clusterId) {
        const first = formatId(this.#ledgers.clusterId);
        this.#fail("one-cluster", `belongs to cluster ${formatId(clusterId)}, the first one is ${first}`);
      }
    }
    if (removedIndex !== undefined && before !== undefined && before.removedIndex === undefined) {
      this.#ledgers.world.coverage.count("membership.removed-learned");
    }
  }

  /** An id comes from a disk's first start and goes with it; `isNext`: after another one. */
  #followOwner(memberId: MemberId, isNext: boolean): void {
    const { owners } = this.#ledgers;
    const owner = owners.get(memberId);
    if (owner === undefined) owners.set(memberId, this.#slot.index);
    else if (isNext || owner !== this.#slot.index) {
      this.#fail("ids-are-new", `became member ${formatId(memberId)}, whom r${owner} was before (A7, B1)`);
    }
  }

  #followVote(before: DurableLogState | undefined, { memberId, term, vote }: DurableLogState): void {
    if (vote === 0n || (before?.term === term && before.vote === vote)) return;
    const other = this.#ledgers.votes.add(memberId, Number(term), vote);
    if (other === undefined) return;
    this.#fail("one-vote-a-term", `voted for ${formatId(other)} and ${formatId(vote)} in term ${term}`);
  }

  #followLog(before: DurableLogState | undefined, state: DurableLogState): void {
    const tip = this.#ledgers.entries.find(Number(state.lastIndex), Number(state.lastTerm));
    const old = this.#tip;
    this.#tip = tip;
    if (tip === undefined) return;
    markDurable(tip, state.memberId);
    if (old === undefined || before === undefined) return;
    const { coverage } = this.#ledgers.world;
    if (state.firstIndex !== before.firstIndex) {
      const base = Number(state.firstIndex) - 1;
      const isReset = base > old.index || recordAt(old, base) !== recordAt(tip, base);
      if (!isReset) coverage.count("log.compacted");
      else if (this.#slot.member !== undefined) coverage.count("snapshot.installed");
      else if (!this.#isRecovering) coverage.count("log.discarded-at-start");
    }
    if (recordAt(tip, old.index) !== old) this.#replaced(old, tip);
  }

  /** Entries of the log were replaced: none of them may have been committed. */
  #replaced(old: EntryRecord, tip: EntryRecord): void {
    const { commits, world } = this.#ledgers;
    let at: EntryRecord | undefined = old;
    while (at !== undefined && recordAt(tip, at.index) !== at) {
      if (commits.at(at.index) === at) {
        this.#fail("committed-stays", `${describeRecord(at)} is committed and was removed from the disk`);
      }
      at = at.previous;
    }
    world.coverage.count("log.truncated");
  }

  /** The log was in memory before the disk was looked at, or the entry was not known when it became durable. */
  catchUp(): void {
    const { state } = this;
    if (state !== undefined && this.#tip === undefined) this.#followLog(undefined, state);
  }

  /** A member begins on this disk: every entry of the log was just compared. */
  began(): void {
    this.catchUp();
    this.#isRead = true;
    if (!this.#isRecovering) return;
    this.#isRecovering = false;
    if (!this.#slot.disk.isStoreLost()) this.#ledgers.world.coverage.count("store.recovered-from-peer");
  }

  /** A process runs and there is no member: it may be one that has lost its store. */
  withoutMember(): void {
    // A damaged store may be set aside and made anew from the log between two full looks.
    if (this.#slot.disk.isStoreLost()) this.#applied = 0n;
    if (this.#isRecovering || this.#slot.replica === undefined) return;
    const { state } = this;
    if (state?.clusterId === undefined || state.removedIndex !== undefined) return;
    this.#isRecovering = state.firstIndex > 1n && this.#slot.disk.isStoreLost();
  }

  /** What may be said of a disk at any time. */
  full(): void {
    const { disk } = this.#slot;
    const { state } = this;
    const now = disk.durableLog();
    if (state === undefined || now === undefined) return;
    if (now.term !== state.term || now.vote !== state.vote || now.lastIndex !== state.lastIndex) {
      this.#fail(
        "durable-never-goes-back",
        `the log says term ${now.term}, last ${now.lastIndex}, and became durable with term ${state.term}, last ${state.lastIndex}`,
      );
    }
    const isLost = disk.isStoreLost();
    const applied = disk.durableApplied();
    if (!isLost && applied < this.#applied) {
      this.#fail("durable-never-goes-back", `the store went back from ${this.#applied} to ${applied}`);
    }
    this.#applied = isLost ? 0n : applied;
    if (!isLost && this.#slot.life === undefined && state.firstIndex > applied + 1n) {
      this.#fail(
        "log-covers-store",
        `the log begins with ${state.firstIndex}, the store ends with ${applied}`,
      );
    }
  }

  /** Compares up to so many entries on the disk with what they were when they were appended, in turn. */
  read(count: number): void {
    const { state } = this;
    const tip = this.#tip;
    if (state === undefined || tip === undefined || !this.#isRead) return;
    // A member that was removed moves its data away when it is reset.
    if (this.#slot.disk.durableLog() === undefined) return;
    const first = Number(state.firstIndex);
    if (this.#readNext < first || this.#readNext > tip.index) this.#readNext = first;
    const last = Math.min(tip.index, this.#readNext + count - 1);
    for (let at = recordAt(tip, last); at !== undefined && at.index >= this.#readNext; at = at.previous) {
      const entry = this.#slot.disk.durableEntry(BigInt(at.index));
      if (entry !== undefined && Number(entry.term) === at.term && digestOf(entry) === at.digest) continue;
      const found = entry === undefined ? "nothing" : `another of term ${entry.term}`;
      this.#fail("log-content", `where ${describeRecord(at)} became durable is ${found}`);
    }
    this.#readNext = last + 1;
  }

  #fail(property: string, message: string): void {
    this.#ledgers.world.fail(property, `disk of ${this.#slot.name}: ${message}`);
  }
}

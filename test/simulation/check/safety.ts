import type { Message } from "@rstore/replica/raft/types";
import type { PeerHello } from "@rstore/replica/transport/types";
import type { SimCluster } from "../cluster/types.ts";
import type { DurableLogState } from "../disk/types.ts";
import { formatId } from "./describe.ts";
import { DiskWatch } from "./disk-watch.ts";
import { checkDurableIndex } from "./durable-index.ts";
import { LeadershipWatch } from "./leadership-watch.ts";
import { Ledgers } from "./ledgers.ts";
import { MemberWatch } from "./member-watch.ts";
import { checkMessage } from "./message-rules.ts";
import { ReadIndexWatch } from "./read-index-watch.ts";
import type { CheckedCluster, CheckedSlot, SafetyChecks } from "./types.ts";

/** Entries that one full check reads back from one disk, in turn. */
const READ_ENTRIES = 32;
/** As a replica has it unless it is set otherwise. */
const PROMOTE_MAX_LAG_ENTRIES = 1000;
/** Of a store that nothing was written to. */
const EMPTY_REVISION = 1;

export interface SafetyOptions {
  readonly promoteMaxLagEntries?: number;
  /** undefined: nothing is checked that takes time. */
  readonly electionTimeoutMs?: number;
}

/**
 * See {@link SafetyChecks}. Takes `disk.onDurableLog` of all slots and `network.onSend`, and wraps the `apply`
 * of each state machine, so create it before the first process starts.
 */
export class Safety implements SafetyChecks {
  readonly #ledgers: Ledgers;
  readonly #slots: readonly CheckedSlot[];
  readonly #disks: readonly DiskWatch[];
  readonly #members: MemberWatch[] = [];
  readonly #leadership: readonly LeadershipWatch[];
  readonly #reads: readonly ReadIndexWatch[];
  #readNext = 0;

  constructor({ world, slots, network }: CheckedCluster, options: SafetyOptions = {}) {
    const ledgers = new Ledgers(world);
    this.#ledgers = ledgers;
    this.#slots = slots;
    this.#disks = slots.map((slot) => new DiskWatch(slot, ledgers));
    this.#reads = slots.map((slot) => new ReadIndexWatch(ledgers, slot));
    const { promoteMaxLagEntries = PROMOTE_MAX_LAG_ENTRIES, electionTimeoutMs } = options;
    this.#leadership =
      electionTimeoutMs === undefined
        ? []
        : slots.map((slot) => new LeadershipWatch(world, slot, electionTimeoutMs));
    const watches = this.#members;
    slots.forEach((slot, i) => {
      const disk = this.#disks[i]!;
      watches.push(new MemberWatch({ slot, disk, ledgers, promoteMaxLagEntries, watches, slots }));
      slot.disk.onDurableLog = (state) => this.#durable(i, state);
    });
    network.onSend = (slot, message) => this.#sent(slot, message);
  }

  afterStep({ touched }: SimCluster): void {
    if (touched === undefined) {
      // Nobody's process ran: it may have been the plan.
      for (const disk of this.#disks) disk.refresh();
      return;
    }
    const { index } = touched;
    const slot = this.#slots[index]!;
    const disk = this.#disks[index]!;
    this.#members[index]!.observe();
    checkDurableIndex(this.#ledgers, slot, this.#members[index]!, disk);
    this.#leadership[index]?.observe();
    this.#reads[index]?.observe();
    if (slot.member === undefined && slot.life !== undefined) disk.withoutMember();
  }

  full(_cluster: unknown, everything = false): void {
    for (const watch of this.#members) {
      watch.observe();
      watch.checkApplied();
      watch.checkRemoved();
    }
    for (const disk of this.#disks) {
      disk.full();
      if (everything) disk.read(Number.MAX_SAFE_INTEGER);
    }
    this.#disks[this.#readNext]?.read(READ_ENTRIES);
    this.#readNext = (this.#readNext + 1) % this.#disks.length;
  }

  /** Entries are applied only where a leader's commit of them was found to be durable, so that is enough. */
  acknowledged(revision: bigint): void {
    const { applied, world } = this.#ledgers;
    if (revision <= EMPTY_REVISION || applied.indexOf(Number(revision)) !== undefined) return;
    world.fail("acknowledged-durable", `revision ${revision} was acknowledged and no member has applied it`);
  }

  /** The process in a slot let a stream in; `later`: a later start of the same peer that it had let in before. */
  admitted(index: number, { from, to, incarnation }: PeerHello, later: bigint | undefined): void {
    const { world, commits } = this.#ledgers;
    const slot = this.#slots[index]!;
    const fail = (why: string): void =>
      world.fail("admission", `${slot.name} listens to ${formatId(from)}, ${why}`);
    const memberId = this.#disks[index]!.state?.memberId;
    if (memberId !== undefined && to !== memberId) fail(`who calls ${formatId(to)} (A14)`);
    if (later !== undefined) fail(`which starts for the ${incarnation}. time after the ${later}. (B2)`);
    const removedAt = commits.removedAt(from);
    if (removedAt === undefined || slot.member === undefined) return;
    if (slot.member.machine.appliedIndex >= removedAt) fail(`whom ${removedAt} removed (A4)`);
  }

  get committedRevision(): bigint {
    return BigInt(Math.max(EMPTY_REVISION, this.#ledgers.applied.revision));
  }

  #durable(index: number, state: DurableLogState): void {
    // The entry may have been appended in a step that nobody has looked at yet.
    this.#members[index]!.observe();
    this.#disks[index]!.changed(state);
  }

  #sent(index: number, message: Message): void {
    const slot = this.#slots[index]!;
    if (slot.life === undefined || slot.life.isOver) return;
    this.#leadership[index]?.sent(message);
    const watch = this.#members[index]!;
    watch.observe();
    const { state: disk, isUnreadable } = this.#disks[index]!;
    const leaderOf = (term: number): MemberWatch | undefined =>
      this.#members.find((other) => other.role === "leader" && other.term === term);
    checkMessage(this.#ledgers, { slot, watch, disk, isUnreadable, leaderOf }, message);
  }
}

import type { IndexedConfiguration, MemberId } from "@rstore/replica/raft/types";
import type { Life, SimCluster, Slot } from "../cluster/types.ts";
import type { DiskImage, DurableLogState } from "../disk/types.ts";
import { establishedLeader } from "./established-leader.ts";
import { halvesOf, type LossLedger } from "./loss-ledger.ts";
import type { PeerMemory } from "./peer-memory.ts";

export interface OldCopy {
  readonly image: DiskImage;
  readonly memberId: MemberId;
  readonly incarnation: bigint;
  /** In force when it was taken. */
  readonly configurationIndex: bigint;
}

interface OldCopiesParts {
  readonly cluster: SimCluster;
  readonly losses: LossLedger;
  readonly memory: PeerMemory;
  /** An empty disk takes the place of this one. */
  readonly replaceDisk: (slot: Slot) => void;
}

/** How often it is looked whether a peer forgot: less than a process takes to start. */
const lookEveryUs = 2000;
const rememberedMaxUs = 5_000_000;

/**
 * Which old copies of a disk may be put back (B2). A member on one has forgotten votes and acknowledgements,
 * and its peers know that only as long as they run: they keep in memory what it promised (peer-gate.ts). So
 * the store does not promise to survive every old copy, and a plan asks for those that it must survive. Each
 * is of the member that is on the disk now, under the configuration that is in force still, committed and not
 * joint; it is the only one until it was replaced, within the minority that may be lost; and either
 *
 * - a majority without it has durably whatever its disk now promises: every entry of its log, and in its term
 *   the same vote or already a later term, or
 * - every other member runs and remembers a later start of it. Then its disk is replaced by an empty one
 *   before any of them can have forgotten: when a process ends, membership changes, or after some seconds.
 *
 * That they remember a later term of it is not enough: on the old copy it learns that term again from whoever
 * speaks to it, and is let in.
 */
export class OldCopies {
  readonly #parts: OldCopiesParts;
  #outstanding: MemberId | undefined;
  #endWatch: () => void = () => {};

  constructor(parts: OldCopiesParts) {
    this.#parts = parts;
  }

  /** undefined: such a copy could not be put back later anyway. */
  take(slot: Slot): OldCopy | undefined {
    const log = slot.disk.durableLog();
    const settled = this.#settled();
    if (log?.clusterId === undefined || settled === undefined) return undefined;
    const { memberId, incarnation } = log;
    return { image: slot.disk.copy(), memberId, incarnation, configurationIndex: settled.index };
  }

  #settled(): IndexedConfiguration | undefined {
    const status = establishedLeader(this.#parts.cluster)?.status;
    if (status === undefined || status.joint || !status.configurationCommitted) return undefined;
    return status.configuration;
  }

  /** Why it must not be put back now; undefined: it may. */
  refusal(slot: Slot, copy: OldCopy): string | undefined {
    const { memberId, configurationIndex } = copy;
    const now = slot.disk.durableLog();
    if (now?.memberId !== memberId) return "another member is on the disk now";
    const settled = this.#settled();
    if (settled === undefined) return "no leader is established, or membership is changing";
    if (settled.index !== configurationIndex) return "membership has changed since";
    if (this.#isOutstanding(settled)) return "another old copy is not replaced yet";
    if (!this.#isNeedless(now, settled) && this.#whoRemembers(slot, copy) === undefined) {
      return "it promised what no majority without it has, and not everybody remembers";
    }
    return this.#parts.losses.refusal(slot);
  }

  #isOutstanding({ configuration }: IndexedConfiguration): boolean {
    const member = this.#outstanding;
    if (member === undefined) return false;
    return configuration.voters.includes(member) || configuration.learners.includes(member);
  }

  /** Has a majority without it everything that it promised? */
  #isNeedless(promised: DurableLogState, { configuration }: IndexedConfiguration): boolean {
    const [voters = []] = halvesOf(configuration);
    const holders = voters.filter((voter) => voter !== promised.memberId && this.#holds(voter, promised));
    return !voters.includes(promised.memberId) || holders.length > voters.length / 2;
  }

  /** Does this disk promise everything that the other does? */
  #holds(voter: MemberId, promised: DurableLogState): boolean {
    if (this.#parts.losses.isLost(voter)) return false;
    const slot = this.#parts.cluster.slots.find(({ disk }) => disk.durableLog()?.memberId === voter);
    const own = slot?.disk.durableLog();
    if (slot === undefined || own === undefined) return false;
    const vote =
      own.term > promised.term ||
      (own.term === promised.term && (promised.vote === 0n || own.vote === promised.vote));
    const entry =
      promised.lastIndex <= own.commit || slot.disk.durableTerm(promised.lastIndex) === promised.lastTerm;
    return vote && entry;
  }

  /** The processes of all others, if each knows that a member on this copy comes from the past. */
  #whoRemembers(slot: Slot, { memberId, incarnation }: OldCopy): Map<Slot, Life> | undefined {
    const { cluster, memory } = this.#parts;
    const lives = new Map<Slot, Life>();
    for (const other of cluster.slots) {
      const log = other.disk.durableLog();
      if (other === slot || log?.clusterId === undefined || log.removedIndex !== undefined) continue;
      // The start from the copy is the one after those that it knows of.
      if (other.life === undefined || memory.incarnation(other.life, memberId) <= incarnation + 1n) {
        return undefined;
      }
      lives.set(other, other.life);
    }
    return lives;
  }

  /** Only while no process runs in the slot, and nothing refuses it. */
  putBack(slot: Slot, copy: OldCopy): void {
    const now = slot.disk.durableLog();
    const settled = this.#settled();
    const needless = now !== undefined && settled !== undefined && this.#isNeedless(now, settled);
    const rememberedBy = this.#whoRemembers(slot, copy);
    slot.disk.restore(copy.image);
    this.#outstanding = copy.memberId;
    this.#parts.losses.add(copy.memberId);
    if (!needless && rememberedBy !== undefined) this.#watch(slot, copy, rememberedBy);
  }

  #watch(slot: Slot, { configurationIndex }: OldCopy, rememberedBy: ReadonlyMap<Slot, Life>): void {
    const { cluster, replaceDisk } = this.#parts;
    const { world } = cluster;
    const endUs = world.nowUs + rememberedMaxUs;
    let own: Life | undefined;
    const isOver = (): boolean => {
      own ??= slot.life;
      if (own?.isOver === true || world.nowUs >= endUs) return true;
      if ([...rememberedBy].some(([other, life]) => life.isOver || other.life !== life)) return true;
      return cluster.slots.some(
        ({ member }) => (member?.node.configuration.index ?? 0n) > configurationIndex,
      );
    };
    const end = (): void => {
      this.#endWatch = () => {};
      cancel();
      replaceDisk(slot);
    };
    const look = (): void => {
      if (isOver()) end();
      else cancel = world.at(lookEveryUs, look);
    };
    let cancel = world.at(lookEveryUs, look);
    this.#endWatch = end;
  }

  /** No member may be left that only memory keeps from doing harm. */
  endAll(): void {
    this.#endWatch();
  }
}

import type { IndexedConfiguration, MemberId } from "@rstore/replica/raft/types";
import type { SimCluster, Slot } from "../cluster/types.ts";
import type { DiskImage, DurableLogState } from "../disk/types.ts";
import { establishedLeader } from "./established-leader.ts";
import { halvesOf, type LossLedger } from "./loss-ledger.ts";

export interface OldCopy {
  readonly image: DiskImage;
  readonly memberId: MemberId;
  /** In force when it was taken. */
  readonly configurationIndex: bigint;
}

/**
 * Which old copies of a disk may be put back (B2). A member on one has forgotten votes and acknowledgements,
 * and its peers know that only as long as they run: they keep in memory what it promised (peer-gate.ts). So
 * the store does not promise to survive every old copy, and a plan asks for those that it must survive:
 *
 * - the copy is of the member that is on the disk now, under the configuration that is in force still, which
 *   is committed and not joint, and
 * - a majority without it has durably whatever its disk now promises: every entry of its log, and in its term
 *   the same vote or already a later term, and
 * - it is the only old copy until it was replaced, within the minority that may be lost.
 */
export class OldCopies {
  readonly #cluster: SimCluster;
  readonly #losses: LossLedger;
  #outstanding: MemberId | undefined;

  constructor(cluster: SimCluster, losses: LossLedger) {
    this.#cluster = cluster;
    this.#losses = losses;
  }

  /** undefined: such a copy could not be put back later anyway. */
  take(slot: Slot): OldCopy | undefined {
    const memberId = slot.disk.durableLog()?.memberId;
    const settled = this.#settled();
    if (memberId === undefined || settled === undefined) return undefined;
    return { image: slot.disk.copy(), memberId, configurationIndex: settled.index };
  }

  #settled(): IndexedConfiguration | undefined {
    const status = establishedLeader(this.#cluster)?.status;
    if (status === undefined || status.joint || !status.configurationCommitted) return undefined;
    return status.configuration;
  }

  /** Why it must not be put back now; undefined: it may. */
  refusal(slot: Slot, { memberId, configurationIndex }: OldCopy): string | undefined {
    const now = slot.disk.durableLog();
    if (now?.memberId !== memberId) return "another member is on the disk now";
    const settled = this.#settled();
    if (settled === undefined) return "no leader is established, or membership is changing";
    if (settled.index !== configurationIndex) return "membership has changed since";
    if (this.#isOutstanding(settled)) return "another old copy is not replaced yet";
    const [voters = []] = halvesOf(settled.configuration);
    const holders = voters.filter((voter) => voter !== memberId && this.#holds(voter, now));
    if (voters.includes(memberId) && holders.length <= voters.length / 2) {
      return "no majority without it has everything that it promised";
    }
    return this.#losses.refusal(slot);
  }

  #isOutstanding({ configuration }: IndexedConfiguration): boolean {
    const member = this.#outstanding;
    if (member === undefined) return false;
    return configuration.voters.includes(member) || configuration.learners.includes(member);
  }

  /** Does this disk promise everything that the other does? */
  #holds(voter: MemberId, promised: DurableLogState): boolean {
    if (this.#losses.isLost(voter)) return false;
    const slot = this.#cluster.slots.find(({ disk }) => disk.durableLog()?.memberId === voter);
    const own = slot?.disk.durableLog();
    if (slot === undefined || own === undefined) return false;
    const vote =
      own.term > promised.term ||
      (own.term === promised.term && (promised.vote === 0n || own.vote === promised.vote));
    const entry =
      promised.lastIndex <= own.commit || slot.disk.durableTerm(promised.lastIndex) === promised.lastTerm;
    return vote && entry;
  }

  putBack(memberId: MemberId): void {
    this.#outstanding = memberId;
    this.#losses.add(memberId);
  }
}

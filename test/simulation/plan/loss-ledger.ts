import type { Configuration, MemberId } from "@rstore/replica/raft/types";
import type { SimCluster, Slot } from "../cluster/types.ts";
import { establishedLeader } from "./established-leader.ts";

/** A store that was damaged is whole again once its member has been at work for this long without a restart. */
const WHOLE_AFTER_MS = 4000;
const LOOK_EVERY_MS = 500;

/**
 * Which members are lost for good, and whether one more may be: the store promises to survive the loss of any
 * minority of its voters, until an empty member has taken the place of each. A member is lost from when its
 * disk was emptied, its log damaged or an old copy put back, for as long as some configuration names it; one
 * whose store was damaged, until it is whole again.
 */
export class LossLedger {
  readonly #cluster: SimCluster;
  readonly #lost = new Set<MemberId>();
  readonly #atRisk = new Set<MemberId>();
  readonly #damagedStores = new Map<MemberId, { readonly slot: Slot; looks: number; life: unknown }>();

  /** Voters of a change that may be on its way; none: there is no such change. */
  coming: () => readonly MemberId[] = () => [];

  constructor(cluster: SimCluster) {
    this.#cluster = cluster;
  }

  /** Nobody may count on it again: not for a majority, not as a voter of a new configuration. */
  isLost(member: MemberId): boolean {
    return this.#lost.has(member);
  }

  get lost(): readonly MemberId[] {
    return [...this.#lost];
  }

  add(member: MemberId): void {
    this.#lost.add(member);
  }

  /** Out of reach: somebody may give it up. It counts for what may be lost, and nobody has to do without it. */
  risk(member: MemberId): void {
    this.#atRisk.add(member);
  }

  endRisk(member: MemberId): void {
    this.#atRisk.delete(member);
  }

  /** Its store may be damaged, which costs a copy of the state but no promise. */
  addDamagedStore(member: MemberId, slot: Slot): void {
    const looked = this.#damagedStores.size > 0;
    this.#damagedStores.set(member, { slot, looks: 0, life: undefined });
    if (!looked) this.#look();
  }

  #look(): void {
    this.#cluster.world.at(LOOK_EVERY_MS * 1000, () => {
      for (const [member, damaged] of this.#damagedStores) {
        const { slot } = damaged;
        const atWork = slot.member?.id === member && slot.life?.isPaused === false;
        damaged.looks = atWork && slot.life === damaged.life ? damaged.looks + 1 : 0;
        damaged.life = atWork ? slot.life : undefined;
        if (damaged.looks * LOOK_EVERY_MS >= WHOLE_AFTER_MS) this.#damagedStores.delete(member);
      }
      if (this.#damagedStores.size > 0) this.#look();
    });
  }

  /** Why the member on this disk must not be lost now; undefined: it may. */
  refusal(slot: Slot): string | undefined {
    const member = slot.disk.durableLog()?.memberId;
    if (member === undefined || this.#lost.has(member)) return undefined;
    const leader = establishedLeader(this.#cluster);
    if (leader === undefined) return "no leader is established";
    const { status } = leader;
    const believed = [status.configuration.configuration, status.committedConfiguration.configuration];
    for (const running of this.#cluster.slots) {
      if (running.member !== undefined) believed.push(running.member.node.configuration.configuration);
    }
    for (const half of [...believed.flatMap(halvesOf), this.coming()]) {
      if (!half.includes(member)) continue;
      const lost = half.filter((voter) => voter === member || this.#counts(voter)).length;
      if (lost > minorityOf(half.length)) return `${lost} of ${half.length} voters would be lost`;
    }
    return undefined;
  }

  #counts(member: MemberId): boolean {
    return this.#lost.has(member) || this.#damagedStores.has(member) || this.#atRisk.has(member);
  }
}

/** The majorities that decide: one, or two while the configuration is joint. */
export function halvesOf({ voters, outgoing }: Configuration): (readonly MemberId[])[] {
  return [voters, outgoing].filter((half) => half.length > 0);
}

/** The most of so many voters that are no majority's half. */
export function minorityOf(voters: number): number {
  return Math.floor((voters - 1) / 2);
}

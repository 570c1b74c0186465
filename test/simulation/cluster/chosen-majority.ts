import type { Configuration, MemberId } from "@rstore/replica/raft/types";
import type { Random } from "../world/random.ts";
import type { SimCluster, Slot } from "./types.ts";

/**
 * The slots that are healed for the liveness phase: a majority of each half of every configuration that a
 * member of them has in force, as far as there is one. The others stay down.
 */
export class ChosenMajority {
  readonly #cluster: SimCluster;
  readonly #random: Random;
  #slots: ReadonlySet<Slot>;

  constructor(cluster: SimCluster, random: Random) {
    this.#cluster = cluster;
    this.#random = random;
    this.#slots = new Set(cluster.slots);
  }

  get slots(): ReadonlySet<Slot> {
    return this.#slots;
  }

  /** Everything is repaired that can be, everywhere: what is still there shows itself. */
  healAll(): void {
    const { network, shape, slots } = this.#cluster;
    network.healAll();
    network.setWeather(shape.network);
    const straight = this.#random.chance(0.5);
    for (const slot of slots) {
      for (const other of slots) network.setLinkWeather(slot.index, other.index, undefined);
      slot.disk.thaw();
      slot.disk.setWeather(shape.disk);
      slot.disk.setFreeBytes(undefined);
      if (straight) slot.setClockRate(1);
      slot.resume();
      slot.supervised = true;
      slot.start();
    }
  }

  /** Takes some of the others away, sometimes. */
  choose(): void {
    if (this.#random.chance(0.4)) return;
    const kept = new Set(this.#cluster.slots);
    for (const slot of this.#random.shuffle(this.#cluster.slots)) {
      kept.delete(slot);
      if (!isQuorum(this.#cluster, kept) || this.#random.chance(0.2)) kept.add(slot);
    }
    this.#slots = kept;
    for (const slot of this.#cluster.slots) if (!kept.has(slot)) this.#takeAway(slot);
  }

  #takeAway(slot: Slot): void {
    if (this.#random.chance(0.5)) {
      slot.supervised = false;
      slot.crash();
      return;
    }
    const { network, slots } = this.#cluster;
    for (const other of slots) {
      network.cut(slot.index, other.index);
      network.cut(other.index, slot.index);
    }
  }

  /** False when too much is lost for ever. Brings the others back when a configuration turned up that needs them. */
  isEnough(): boolean {
    if (isQuorum(this.#cluster, this.#slots)) return true;
    if (this.#slots.size < this.#cluster.slots.length) {
      this.#slots = new Set(this.#cluster.slots);
      this.healAll();
      return true;
    }
    return false;
  }
}

/** Can the members in these slots decide, by every configuration that one of them has in force? */
function isQuorum({ slots }: SimCluster, chosen: ReadonlySet<Slot>): boolean {
  const present = new Set<MemberId>();
  const configurations: Configuration[] = [];
  for (const slot of slots) {
    const { member } = slot;
    if (member === undefined || !chosen.has(slot)) continue;
    present.add(member.id);
    configurations.push(member.node.configuration.configuration);
  }
  const held = configurations.filter(({ voters }) => voters.length > 0);
  return (
    held.length > 0 &&
    held.every(({ voters, outgoing }) => isMajority(voters, present) && isMajority(outgoing, present))
  );
}

function isMajority(voters: readonly MemberId[], present: ReadonlySet<MemberId>): boolean {
  return voters.length === 0 || voters.filter((id) => present.has(id)).length * 2 > voters.length;
}

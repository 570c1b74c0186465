import type { Configuration, MemberId } from "@rstore/replica/raft/types";
import type { FaultInjector } from "../plan/fault-injector.ts";
import type { Random } from "../world/random.ts";
import type { SimCluster, Slot } from "./types.ts";

export interface MajorityParts {
  readonly cluster: SimCluster;
  readonly faults: FaultInjector;
  readonly random: Random;
}

/**
 * The slots that are healed for the liveness phase: a majority of each half of every configuration that a
 * member of them has in force, as far as there is one. The others stay down.
 */
export class ChosenMajority {
  readonly #parts: MajorityParts;
  #slots: ReadonlySet<Slot>;

  constructor(parts: MajorityParts) {
    this.#parts = parts;
    this.#slots = new Set(parts.cluster.slots);
  }

  get slots(): ReadonlySet<Slot> {
    return this.#slots;
  }

  /** Those of them that must agree: a member that is lost, its disk an old copy say, is refused by its peers. */
  get witnesses(): Slot[] {
    const { losses } = this.#parts.faults;
    return [...this.#slots].filter(({ member, disk }) => {
      const memberId = member?.id ?? disk.durableLog()?.memberId;
      return memberId === undefined || !losses.isLost(memberId);
    });
  }

  /** Everything is repaired that can be, everywhere: what is still there shows itself. */
  healAll(): void {
    this.#parts.faults.endAll();
  }

  /** Takes some of the others away, sometimes. */
  choose(): void {
    const { cluster, random } = this.#parts;
    if (random.chance(0.4)) return;
    const kept = new Set(cluster.slots);
    for (const slot of random.shuffle(cluster.slots)) {
      kept.delete(slot);
      if (!this.#isQuorum(kept) || random.chance(0.2)) kept.add(slot);
    }
    this.#slots = kept;
    for (const slot of cluster.slots) if (!kept.has(slot)) this.#takeAway(slot);
  }

  #takeAway(slot: Slot): void {
    const { cluster, random } = this.#parts;
    cluster.world.say("liveness", () => `${slot.name} is not of the chosen majority`);
    if (random.chance(0.5)) {
      slot.supervised = false;
      slot.crash();
      return;
    }
    for (const other of cluster.slots) {
      cluster.network.cut(slot.index, other.index);
      cluster.network.cut(other.index, slot.index);
    }
  }

  /** False when too much is lost for ever. Brings the others back when a configuration turned up that needs them. */
  isEnough(): boolean {
    if (this.#isQuorum(this.#slots)) return true;
    const { slots } = this.#parts.cluster;
    if (this.#slots.size === slots.length) return false;
    this.#slots = new Set(slots);
    this.healAll();
    return true;
  }

  /** Would it be enough if everyone ran whose disk is in order? Those who don't have had all the time to come up. */
  wouldBeEnough(): boolean {
    const { cluster, faults } = this.#parts;
    const down = cluster.slots.flatMap(({ member, disk }) => {
      const { clusterId, memberId, removedIndex } = disk.durableLog() ?? {};
      const isMemberDown = member === undefined && clusterId !== undefined && removedIndex === undefined;
      return isMemberDown && memberId !== undefined ? [memberId] : [];
    });
    const sound = new Set(down.filter((id) => !faults.losses.isLost(id)));
    if (sound.size === 0) return false;
    const isAnyoneUp = cluster.slots.some(({ member }) => member !== undefined);
    return isAnyoneUp ? this.#isQuorum(new Set(cluster.slots), sound) : sound.size === down.length;
  }

  /** Can the members in these slots, and others, decide, by every configuration that one of them has in force? */
  #isQuorum(chosen: ReadonlySet<Slot>, others: ReadonlySet<MemberId> = new Set()): boolean {
    const present = new Set<MemberId>(others);
    const held: Configuration[] = [];
    for (const { member } of chosen) {
      if (member === undefined || this.#parts.faults.losses.isLost(member.id)) continue;
      present.add(member.id);
      const { configuration } = member.node.configuration;
      if (configuration.voters.length > 0) held.push(configuration);
    }
    return (
      held.length > 0 &&
      held.every(({ voters, outgoing }) => isMajority(voters, present) && isMajority(outgoing, present))
    );
  }
}

function isMajority(voters: readonly MemberId[], present: ReadonlySet<MemberId>): boolean {
  return voters.length === 0 || voters.filter((id) => present.has(id)).length * 2 > voters.length;
}

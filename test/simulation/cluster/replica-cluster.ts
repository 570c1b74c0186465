import type { SimDisk } from "../disk/types.ts";
import type { SimNetwork } from "../network/types.ts";
import type { Shape } from "../plan/types.ts";
import type { World } from "../world/world.ts";
import { Happening } from "./happening.ts";
import { type LaunchParts, ReplicaSlot, type RunningReplica } from "./replica-slot.ts";
import type { SimCluster, Slot } from "./types.ts";

export interface ReplicaClusterParts {
  readonly world: World;
  readonly shape: Shape;
  readonly network: SimNetwork;
  readonly createDisk: (slot: number) => SimDisk;
  readonly launch: (parts: LaunchParts) => RunningReplica;
}

/** See {@link SimCluster}. */
export class ReplicaCluster implements SimCluster {
  readonly world: World;
  readonly shape: Shape;
  readonly network: SimNetwork;
  readonly slots: readonly ReplicaSlot[];
  readonly clusterId: bigint;
  touched: Slot | undefined;
  readonly watchers = new Set<(slot: Slot) => void>();

  constructor({ world, shape, network, createDisk, launch }: ReplicaClusterParts) {
    this.world = world;
    this.shape = shape;
    this.network = network;
    const entered = (slot: Slot): void => {
      this.touched = slot;
    };
    this.slots = Array.from(
      { length: shape.slots },
      (_, index) => new ReplicaSlot({ world, index, disk: createDisk(index), network, launch, entered }),
    );
    network.onCall = (slot) => this.slots[slot]?.called();
    const random = world.random("cluster");
    this.clusterId = (BigInt(random.uint32()) << 32n) | BigInt(random.between(1, 0xffff_ffff));
  }

  slotOf(memberId: bigint): Slot | undefined {
    return this.slots.find(({ disk }) => disk.durableLog()?.memberId === memberId);
  }

  leaders(): Slot[] {
    return this.slots.filter(({ member }) => member?.isLeader === true);
  }

  /** Runs the next event; see World.step. */
  step(untilUs: number): boolean {
    this.touched = undefined;
    if (!this.world.step(untilUs)) return false;
    if (this.touched === undefined) return true;
    this.#note(this.touched);
    for (const watcher of this.watchers) watcher(this.touched);
    return true;
  }

  /** What the event made of a member is part of what tells runs apart. */
  #note({ index, member }: Slot): void {
    if (member === undefined) return;
    const { world } = this;
    world.note(Happening.raftState, index, Number(member.node.term) * 2 + (member.isLeader ? 1 : 0));
    world.note(Happening.applied, index, Number(member.machine.appliedIndex));
  }
}

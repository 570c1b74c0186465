import type { MemberId, Message } from "@rstore/replica/raft/types";
import type { SimCluster, Slot } from "../cluster/types.ts";
import type { SimDisk } from "../disk/types.ts";
import type { World } from "../world/world.ts";
import type { CheckedMachine } from "./watch-applied.ts";

/** Looks at the whole cluster with the eyes of nobody: every rule of Raft and of the store, over all disks. */
export interface SafetyChecks {
  /** The cheap rules, for the slot that the last event touched. */
  afterStep(cluster: SimCluster): void;
  /** All members and disks; `everything` also reads every log on every disk, for the end of a run. */
  full(cluster: SimCluster, everything?: boolean): void;
  /** A write of this revision was acknowledged to a client. */
  acknowledged(revision: bigint): void;
  /** Of the history that the store applied, in order: what every acknowledged write must be found in. */
  readonly committedRevision: bigint;
}

/** What the checks need of a cluster, and of what is in it: so much a test must fake. */
export interface CheckedCluster {
  readonly world: World;
  readonly slots: readonly CheckedSlot[];
  readonly network: { onSend: ((slot: number, message: Message) => void) | undefined };
}

export interface CheckedSlot extends Pick<Slot, "index" | "name" | "life"> {
  readonly disk: Pick<
    SimDisk,
    "durableLog" | "durableEntry" | "durableApplied" | "isStoreLost" | "tampered" | "onDurableLog"
  >;
  /** Of a replica only whether there is one matters. */
  readonly replica: object | undefined;
  readonly member: CheckedMember | undefined;
}

type Node = NonNullable<Slot["member"]>["node"];

export interface CheckedMember {
  readonly id: MemberId;
  readonly clusterId: bigint;
  readonly node: Pick<Node, "term" | "role" | "log" | "configuration">;
  readonly machine: CheckedMachine;
}

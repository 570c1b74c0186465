import type { SimCluster, Slot } from "../cluster/types.ts";
import type { DiskWeather } from "../disk/types.ts";
import type { LinkWeather } from "../network/types.ts";
import type { SimulatedOperator } from "../operator/simulated-operator.ts";
import type { Random } from "../world/random.ts";
import type { Holds } from "./holds.ts";
import type { Layers } from "./layers.ts";
import type { LossLedger } from "./loss-ledger.ts";
import type { MembershipAdministrator } from "./membership-administrator.ts";
import type { OldCopies, OldCopy } from "./old-copies.ts";
import type { Fault, FaultKind } from "./types.ts";

/** What faults are carried out with. */
export interface FaultContext {
  readonly cluster: SimCluster;
  /** For what a plan leaves open; each fault draws from a stream of its own. */
  readonly random: Random;
  /** After so many ms, unless all faults were ended before. */
  later(delayMs: number, callback: () => void): void;
  /** A line of the transcript. */
  say(text: () => string): void;
  /** `from>to`: cut as long as somebody holds it. */
  readonly cuts: Holds<string>;
  /** Slots whose process is kept from starting. */
  readonly down: Holds<Slot>;
  readonly paused: Holds<Slot>;
  readonly frozen: Holds<Slot>;
  readonly network: Layers<LinkWeather>;
  link(from: number, to: number): Layers<LinkWeather | undefined>;
  disk(slot: Slot): Layers<DiskWeather>;
  freeBytes(slot: Slot): Layers<number | undefined>;
  readonly losses: LossLedger;
  readonly oldCopies: OldCopies;
  readonly administrator: MembershipAdministrator;
  /** Set: it looks after the cluster. */
  readonly operator: SimulatedOperator | undefined;
}

export type FaultOf<K extends FaultKind> = Extract<Fault, { kind: K }>;

/** Carries out one fault, and has it end by itself. `copy` is what an old copy puts back. */
export type ApplyFault<K extends FaultKind> = (
  context: FaultContext,
  fault: FaultOf<K>,
  copy: OldCopy | undefined,
) => void;

export function slotAt({ cluster }: FaultContext, index: number): Slot | undefined {
  return cluster.slots[index];
}

import type { FatalError } from "@rstore/replica/errors";
import type { Clock } from "@rstore/replica/runtime/clock";
import type { Member } from "@rstore/replica/runtime/member";
import type { Replica } from "@rstore/replica/runtime/replica";
import type { SimDisk } from "../disk/types.ts";
import type { SimNetwork } from "../network/types.ts";
import type { Shape } from "../plan/types.ts";
import type { World } from "../world/world.ts";

/**
 * One life of a process, from its start to its end. Whatever belongs to it (timers, I/O, connections) does
 * nothing any more once it is over, at whatever point between two steps that is.
 */
export interface Life {
  readonly isOver: boolean;
  /** Stopped by SIGSTOP: timers and deliveries wait until it goes on, then come late. */
  readonly isPaused: boolean;
  /** Runs in this life: at once, when it goes on after a pause, or never. Keeps the order of the calls. */
  enter(callback: () => void): void;
}

/** How a process died, as its supervisor sees it. */
export type Exit =
  | { readonly kind: "killed" }
  | { readonly kind: "stopped" }
  /** It ended itself: with a reason that an injected fault explains, or it is a bug. */
  | { readonly kind: "fatal"; readonly error: FatalError };

/** A place for a replica: a disk, an address, and at times a process. Its index never changes. */
export interface Slot {
  readonly index: number;
  /** `r0`, `r1`, …: also the name of its member. */
  readonly name: string;
  readonly peerUrl: string;
  readonly clientUrl: string;
  readonly disk: SimDisk;
  /** The process that runs now, starting ones included. */
  readonly life: Life | undefined;
  /** What the RPC layer would ask; undefined while there is no process, or it has not opened its disk yet. */
  readonly replica: Replica | undefined;
  /** The member at work; undefined while blank, removed, recovering or down. */
  readonly member: Member | undefined;
  /** Of the process that runs now: deadlines of calls to `replica` are in its `nowMs`. */
  readonly clock: Clock | undefined;
  readonly lastExit: Exit | undefined;

  /** Starts a process if there is none. */
  start(): void;
  /** Ends it between two steps; what its disk had not flushed is lost, kept or torn. */
  crash(): void;
  /** Ends it at the n-th of its next calls to disk or network: anywhere within a turn of the loop. */
  crashAtCall(calls: number): void;
  /** SIGTERM: hands over, drains, closes. */
  stop(): void;
  pause(): void;
  resume(): void;
  /** 1: as the world's. Its timers and its own `nowMs` follow. */
  setClockRate(rate: number): void;
  /** Whether a process that ends is started again by itself, after a while. */
  supervised: boolean;
  /** False: there is no place for a process, so that none starts. */
  placed: boolean;
}

export interface SimCluster {
  readonly world: World;
  readonly shape: Shape;
  readonly network: SimNetwork;
  /** All places, also those that no member has come to yet. */
  readonly slots: readonly Slot[];
  /** Known from bootstrap on. */
  readonly clusterId: bigint;
  /** The slot whose last event ran, for checks that look at one member only. */
  readonly touched: Slot | undefined;
  /** Told of each slot that an event touched, right after it. */
  readonly watchers: Set<(slot: Slot) => void>;
  /** The slot whose disk says that it is this member; undefined: none any more. */
  slotOf(memberId: bigint): Slot | undefined;
  /** Who leads, as the members themselves say; more than one after a partition. */
  leaders(): Slot[];
}

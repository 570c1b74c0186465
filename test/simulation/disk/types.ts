import type { Entry } from "@rstore/replica/raft/types";
import type { Life } from "../cluster/types.ts";
import type { SimMachine } from "./sim-machine.ts";

export type DiskPart = "raft" | "store" | "superblock" | "snapshot";

/** How fast and how reliable a disk is, until it is set otherwise. Times in microseconds. */
export interface DiskWeather {
  readonly flushMinUs: number;
  readonly flushMaxUs: number;
  /** A flush that takes very long, at times: probability and mean. */
  readonly stallChance: number;
  readonly stallMeanUs: number;
}

/** Everything durable on a disk at one moment. */
export interface DiskImage {
  readonly takenAtUs: number;
}

/** What a commit, a flush or a rename made durable, for the checks. */
export interface DurableLogState {
  readonly memberId: bigint;
  /** undefined: the member belongs to no cluster yet. */
  readonly clusterId: bigint | undefined;
  readonly incarnation: bigint;
  /** Set: the member knows that it was removed. */
  readonly removedIndex: bigint | undefined;
  readonly term: bigint;
  readonly vote: bigint;
  readonly commit: bigint;
  /** `lastIndex + 1n` when the log is empty. */
  readonly firstIndex: bigint;
  readonly lastIndex: bigint;
  readonly lastTerm: bigint;
}

/**
 * The disk of one slot. It outlives processes: what was flushed is there at the next start, what was not is
 * lost, kept or torn, as a crash decides.
 */
export interface SimDisk {
  /** Path of the data directory on it: the parts are found by name below this. */
  readonly directory: string;
  /** The machine below storage for one life; nothing of it happens after the life is over. */
  machine(life: Life): SimMachine;
  /** The process on it died: decides what becomes of everything that was not flushed. */
  crash(): void;
  /** Called at each call of `machine`, before it has any effect: for crashes within a turn. */
  onCall: (() => void) | undefined;
  /** Called when the log's file changed durably, with what it says now. */
  onDurableLog: ((state: DurableLogState) => void) | undefined;
  /** What the log's file says durably; undefined: it was never written, or is damaged. */
  durableLog(): DurableLogState | undefined;
  /** Term of an entry that is durably in the log; undefined: it is not there (compacted or never was). */
  durableTerm(index: bigint): bigint | undefined;
  /** The entry itself. As all of these it is read behind the machine's back: no call, no fault, no time. */
  durableEntry(index: bigint): Entry | undefined;
  /** Durable applied index of the store's file; 0n while the store is lost. */
  durableApplied(): bigint;
  /** The store's file is missing, holds nothing, is damaged or marked so: the next start sets it aside. */
  isStoreLost(): boolean;
  /**
   * Counts what a plan did to what is durable: wiped it, put an old copy in its place, flipped a bit. What
   * must never go back may do so only when this has moved.
   */
  readonly tampered: number;

  setWeather(weather: DiskWeather): void;
  /** Flushes begun from now on do not return until `thaw`. */
  freeze(): void;
  thaw(): void;
  /** The next flush, or the next read of that part, fails with EIO. */
  failNextFlush(part: DiskPart): void;
  failNextRead(part: DiskPart): void;
  /** Flips one bit of what is durable in that part; false: nothing is there. */
  flipBit(part: DiskPart): boolean;
  /** Leaves so many bytes free; writes beyond end with ENOSPC. undefined: as large as it needs to be. */
  setFreeBytes(bytes: number | undefined): void;
  /** An empty disk takes its place (amnesia). Only while no process runs. */
  wipe(): void;
  /** The log's file is gone. Only while no process runs. */
  loseLog(): void;
  copy(): DiskImage;
  /** An old copy takes its place. Only while no process runs. */
  restore(image: DiskImage): void;
  /** A fault was injected since the last start that explains a fatal end for this reason. */
  explains(reason: string): boolean;
}

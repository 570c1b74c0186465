import type { DiskPart } from "./types.ts";

/** A flush that takes longer may run into the deadline of whoever waits for it. */
const longFlushUs = 1_000_000;

/**
 * The faults that a plan asked for: those that wait to happen, and which reasons to end itself they give a
 * process. A reason lasts for a life; what is on the disk, until another disk takes its place.
 */
export class DiskFaults {
  readonly #flushes = new Set<DiskPart>();
  readonly #reads = new Set<DiskPart>();
  readonly #ofLife = new Set<string>();
  readonly #ofDisk = new Set<string>();

  failNextFlush(part: DiskPart): void {
    this.#flushes.add(part);
  }

  failNextRead(part: DiskPart): void {
    this.#reads.add(part);
  }

  get hasReads(): boolean {
    return this.#reads.size > 0;
  }

  /** Whether this flush fails; once. */
  takeFlush(part: DiskPart | undefined): boolean {
    if (part === undefined || !this.#flushes.delete(part)) return false;
    this.#explain(this.#ofLife, ["diskFailed"]);
    return true;
  }

  takeRead(part: DiskPart | undefined): boolean {
    if (part === undefined || this.#reads.size === 0 || !this.#reads.delete(part)) return false;
    this.#explain(this.#ofLife, ["diskFailed", ...damageOf[part]]);
    return true;
  }

  flipped(part: DiskPart): void {
    this.#explain(this.#ofDisk, damageOf[part]);
  }

  flushTakes(durationUs: number): void {
    if (durationUs >= longFlushUs) this.#ofLife.add("diskFailed");
  }

  full(): void {
    this.#ofLife.add("diskFull");
  }

  /** An old copy takes the place of this disk: the leader may count on what it has forgotten. */
  restored(): void {
    this.#explain(this.#ofDisk, ["corruptLog"]);
  }

  /** A process starts. */
  begin(): void {
    this.#ofLife.clear();
  }

  /** Another disk takes the place of this one; an old copy of it ends before what it had acknowledged (B2). */
  forget({ isOldCopy }: { readonly isOldCopy: boolean }): void {
    this.#ofLife.clear();
    this.#ofDisk.clear();
    if (isOldCopy) this.#ofDisk.add("corruptLog");
  }

  explains(reason: string): boolean {
    return this.#ofLife.has(reason) || this.#ofDisk.has(reason);
  }

  #explain(to: Set<string>, reasons: readonly string[]): void {
    for (const reason of reasons) to.add(reason);
  }
}

/** What a process says that finds a part of its disk damaged. */
const damageOf: Readonly<Record<DiskPart, readonly string[]>> = {
  raft: ["corruptLog"],
  store: ["corruptStore"],
  // The other slot is read, or it is written anew.
  superblock: [],
  // A copy of the store that is damaged is looked at like the store.
  snapshot: ["corruptStore"],
};

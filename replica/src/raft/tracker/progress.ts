import { higher, lower } from "../position.ts";
import type { MemberId } from "../types.ts";
import type { Inflights } from "./inflights.ts";

/**
 * How appends flow to a member: "probe" sends one message and waits to hear of it, because the point of
 * agreement is not known; "replicate" pipelines; "snapshot" sends nothing until the snapshot has arrived.
 */
export type ProgressState = "probe" | "replicate" | "snapshot";

/** The tick at which a member was last heard of, when it never was. */
export const NEVER = Number.NEGATIVE_INFINITY;

/** What the leader knows of one member (etcd-io/raft's Progress). Lives for one term of one leader. */
export class Progress {
  readonly id: MemberId;
  /** The last index known to be on the member's disk and equal to the leader's. Never goes back. */
  match = 0n;
  /** The next index to send; match < next <= last index + 1. */
  next: bigint;
  state: ProgressState = "probe";
  /** In "snapshot": the index of the snapshot that is on its way. */
  pendingSnapshotIndex = 0n;
  /** Nothing is sent until the member is heard of: the probe is out, or the window is full. */
  paused = false;
  /** An AppendEntries is due even if there are no entries to put into it. */
  wantsAppend = true;
  /** The highest commit index that was sent and can count there; below next. An empty append raises it. */
  sentCommit = 0n;
  /** The highest read-index sequence of this term that the member acknowledged. */
  readSequence = 0n;
  lastHeardTick: number = NEVER;
  readonly inflights: Inflights;

  constructor(id: MemberId, next: bigint, inflights: Inflights) {
    this.id = id;
    this.next = next;
    this.inflights = inflights;
  }

  isPaused(): boolean {
    return this.state === "snapshot" || this.paused;
  }

  becomeProbe(): void {
    // After a snapshot the point of agreement is known to be its end, if it arrived.
    const agreed = higher(this.match, this.pendingSnapshotIndex);
    this.#reset("probe");
    this.next = agreed + 1n;
    this.sentCommit = lower(this.sentCommit, agreed);
  }

  becomeReplicate(): void {
    this.#reset("replicate");
    this.next = this.match + 1n;
  }

  becomeSnapshot(index: bigint): void {
    this.#reset("snapshot");
    this.pendingSnapshotIndex = index;
    this.next = index + 1n;
    this.sentCommit = index;
  }

  #reset(state: ProgressState): void {
    this.state = state;
    this.paused = false;
    this.pendingSnapshotIndex = 0n;
    this.inflights.reset();
  }

  /** The member's log agrees up to `index`. Returns whether that is news. */
  maybeUpdate(index: bigint): boolean {
    if (index <= this.match) return false;
    this.match = index;
    if (this.next <= index) this.next = index + 1n;
    this.paused = false;
    return true;
  }

  /**
   * The member refused an append at `rejected`; agreement is to be looked for at `hint`.
   * Returns false when the refusal is an old one.
   */
  maybeDecreaseTo(rejected: bigint, hint: bigint): boolean {
    if (this.state === "replicate") {
      if (rejected <= this.match) return false;
      this.becomeProbe();
      return true;
    }
    // A probe is one message: only the refusal of the last one counts.
    if (this.next - 1n !== rejected) return false;
    this.next = higher(lower(rejected, hint + 1n), this.match + 1n);
    this.sentCommit = lower(this.sentCommit, this.next - 1n);
    this.paused = false;
    return true;
  }

  /**
   * An AppendEntries with `commit` was sent, with `bytes` of entries that end at `lastIndex`; an empty one
   * has `lastIndex` = next - 1.
   */
  sent(lastIndex: bigint, bytes: number, commit: bigint): void {
    this.wantsAppend = false;
    if (this.state === "probe") {
      this.paused = true;
    } else {
      if (lastIndex >= this.next) {
        this.next = lastIndex + 1n;
        this.inflights.add(lastIndex, bytes);
      }
      this.paused = this.inflights.isFull();
    }
    this.sentCommit = higher(this.sentCommit, lower(commit, this.next - 1n));
  }

  /** Would an append tell the member a higher commit index than it was told? */
  canRaiseCommit(commit: bigint): boolean {
    return this.sentCommit < commit && this.sentCommit < this.next - 1n;
  }

  wasHeardWithin(ticks: number, nowTick: number): boolean {
    return nowTick - this.lastHeardTick < ticks;
  }
}

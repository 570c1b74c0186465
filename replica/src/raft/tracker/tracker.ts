import { membersOf } from "../confchange/configuration.ts";
import type { Configuration, MemberId, RaftOptions } from "../types.ts";
import { Inflights } from "./inflights.ts";
import { Progress } from "./progress.ts";

/** Most members that left and are still sent to; the oldest is given up first. */
const LEAVERS_MAX = 16;

/** A member that left: it is sent entries and commits until it knows that it did, for a bounded time. */
export interface Leaver {
  readonly progress: Progress;
  /** Index of the first configuration without it. */
  readonly configurationIndex: bigint;
  /** Ticks that are left, counted from the commit of that configuration. */
  remainingTicks: number;
  /** The heartbeat sequence whose acknowledgement shows that it knows; 0n while none was sent. */
  confirmSequence: bigint;
}

type TrackerOptions = Pick<RaftOptions, "id" | "inflightMaxMessages" | "inflightMaxBytes" | "leaverMaxTicks">;

/** What the leader knows of all members: empty on everyone else. */
export class Tracker {
  readonly #options: TrackerOptions;
  readonly #members = new Map<MemberId, Progress>();
  readonly leavers = new Map<MemberId, Leaver>();
  /** Everyone to send to: members but the leader itself, then leavers. */
  #peers: Progress[] = [];

  constructor(options: TrackerOptions) {
    this.#options = options;
  }

  /** Members of the configuration in force, the leader itself among them if it is one. */
  get members(): ReadonlyMap<MemberId, Progress> {
    return this.#members;
  }

  get peers(): readonly Progress[] {
    return this.#peers;
  }

  member(id: MemberId): Progress | undefined {
    return this.#members.get(id);
  }

  /** A member, or one that left. */
  find(id: MemberId): Progress | undefined {
    return this.#members.get(id) ?? this.leavers.get(id)?.progress;
  }

  clear(): void {
    this.#members.clear();
    this.leavers.clear();
    this.#peers = [];
  }

  /**
   * Follows a configuration that was appended at `index`. Newcomers are probed from `next` on; members that
   * are not in it any more become leavers.
   */
  follow(index: bigint, configuration: Configuration, next: bigint): void {
    const wanted = membersOf(configuration);
    for (const [id, progress] of this.#members) {
      if (wanted.includes(id)) continue;
      this.#members.delete(id);
      if (id !== this.#options.id) this.#addLeaver(progress, index);
    }
    for (const id of wanted) {
      if (this.#members.has(id)) continue;
      const progress = this.leavers.get(id)?.progress ?? this.#newProgress(id, next);
      this.leavers.delete(id);
      this.#members.set(id, progress);
    }
    this.#listPeers();
  }

  removeLeaver(id: MemberId): void {
    if (this.leavers.delete(id)) this.#listPeers();
  }

  #addLeaver(progress: Progress, configurationIndex: bigint): void {
    for (const oldest of this.leavers.keys()) {
      if (this.leavers.size < LEAVERS_MAX) break;
      this.leavers.delete(oldest);
    }
    const remainingTicks = this.#options.leaverMaxTicks;
    this.leavers.set(progress.id, { progress, configurationIndex, remainingTicks, confirmSequence: 0n });
  }

  #newProgress(id: MemberId, next: bigint): Progress {
    const { inflightMaxMessages, inflightMaxBytes } = this.#options;
    return new Progress(id, next, new Inflights(inflightMaxMessages, inflightMaxBytes));
  }

  #listPeers(): void {
    this.#peers = [];
    for (const progress of this.#members.values()) {
      if (progress.id !== this.#options.id) this.#peers.push(progress);
    }
    for (const leaver of this.leavers.values()) this.#peers.push(leaver.progress);
  }
}

import { countLost } from "./count-lost.ts";
import type { Link } from "./link.ts";
import type { NetworkParts } from "./network-parts.ts";
import type { Body, Parcel } from "./parcel.ts";

/** Of connections that a cut held up for a while, those that break when it is over. */
const BREAKS_AFTER_CUT_CHANCE = 0.3;

interface WireEnds {
  /** Parcels arrived, in order. */
  arrived(parcels: Parcel[]): void;
  /** What was under way is lost, and both ends hear of it. */
  broke(): void;
}

/**
 * One direction of a connection: first in, first out, with one event for whatever arrives next. A cut holds up
 * what would arrive meanwhile, as a sender that transmits again and again would.
 */
export class Wire {
  readonly link: Link;
  /** Sent and not read by the other end. */
  unreadBytes = 0;
  /** Of the last parcel that arrived. */
  arrivedSequence = 0;
  readonly #parts: NetworkParts;
  readonly #ends: WireEnds;
  #queue: Parcel[] = [];
  #sequence = 0;
  #busyUntilUs = 0;
  #scheduled = false;
  readonly #pump = () => this.#arrive();

  constructor(parts: NetworkParts, link: Link, ends: WireEnds) {
    this.#parts = parts;
    this.link = link;
    this.#ends = ends;
    link.wires.add(this);
  }

  get nextSequence(): number {
    return this.#sequence + 1;
  }

  /** How long what is sent now waits for its turn. */
  get backlogUs(): number {
    return Math.max(0, this.#busyUntilUs - this.#parts.world.nowUs);
  }

  send(body: Body, sizeBytes: number): void {
    const { world } = this.#parts;
    const { bytesPerSecond } = this.link.weather;
    let dueUs = world.nowUs + this.link.latencyUs();
    if (bytesPerSecond !== undefined) {
      if (this.#busyUntilUs > world.nowUs) world.coverage.count("network.throttled");
      this.#busyUntilUs = Math.max(world.nowUs, this.#busyUntilUs) + (sizeBytes * 1e6) / bytesPerSecond;
      dueUs += this.#busyUntilUs - world.nowUs;
    }
    dueUs = Math.round(dueUs);
    this.#sequence += 1;
    this.unreadBytes += sizeBytes;
    this.#queue.push({ body, sizeBytes, sequence: this.#sequence, dueUs });
    if (!this.#scheduled) this.#schedule(dueUs);
  }

  /** The other end does not read any more: what still arrives there is not waited for. */
  close(): void {
    this.link.wires.delete(this);
  }

  healed(): void {
    const [first] = this.#queue;
    if (first === undefined || first.dueUs > this.#parts.world.nowUs) return;
    const { random, world } = this.#parts;
    if (random.chance(BREAKS_AFTER_CUT_CHANCE)) {
      this.lose();
      this.#ends.broke();
      return;
    }
    const dueUs = Math.round(world.nowUs + this.link.retransmitUs());
    first.dueUs = dueUs;
    if (!this.#scheduled) this.#schedule(dueUs);
  }

  /** What is under way does not arrive. */
  lose(): void {
    const count = this.#queue.length;
    this.#queue = [];
    if (count > 0) countLost(this.#parts.world, this.link, count);
  }

  #schedule(dueUs: number): void {
    const { world } = this.#parts;
    this.#scheduled = true;
    world.at(dueUs - world.nowUs, this.#pump);
  }

  #arrive(): void {
    this.#scheduled = false;
    const queue = this.#queue;
    const { nowUs } = this.#parts.world;
    if (queue.length === 0 || this.link.isCut) return;
    // Whatever comes after a parcel that is late waits for it.
    let count = 0;
    while (count < queue.length && queue[count]!.dueUs <= nowUs) count += 1;
    const arrived = count === queue.length ? queue : queue.splice(0, count);
    if (arrived === queue) this.#queue = [];
    const [next] = this.#queue;
    if (next !== undefined) this.#schedule(next.dueUs);
    const last = arrived.at(-1);
    if (last === undefined) return;
    this.arrivedSequence = last.sequence;
    this.#ends.arrived(arrived);
  }
}

import type { Life } from "../cluster/types.ts";
import { throughHelloCodec } from "./hello-carrier.ts";
import { type NetworkParts, networkNotes } from "./network-parts.ts";
import type { Body, Parcel } from "./parcel.ts";
import { Wire } from "./wire.ts";

/** How the machine of a process that died answers for its connections. */
export type Ending =
  /** The kernel tells the other end. */
  | "told"
  /** Only who writes is told. */
  | "answers-writes"
  /** The whole machine is gone: nobody is told before another process listens there. */
  | "silent";

const END_BYTES = 40;

/** One end of a simulated TCP connection, in the life of a process. */
export class SimSocket {
  readonly place: number;
  readonly life: Life;
  /** This end is closed, by its process or because the other end's end was read. */
  closed = false;
  /** What is delivered counts as unread until `credit`: the reader sets the sender's pace. */
  readsSlowly = false;
  received: (parcels: readonly Parcel[]) => void = () => {};
  /** The other end closed or reset the connection. */
  lost: () => void = () => {};
  /** The other end has read something; set only while something waits for it. */
  drained: (() => void) | undefined;
  readonly #parts: NetworkParts;
  #other: SimSocket | undefined;
  #out: Wire | undefined;
  /** Arrived, and not read by the process yet. */
  #buffer: Parcel[] = [];
  #reading = false;
  #draining = false;
  #ending: Ending | undefined;
  readonly #read = () => this.#deliver();

  constructor(parts: NetworkParts, place: number, life: Life) {
    this.#parts = parts;
    this.place = place;
    this.life = life;
    const open = parts.sockets.get(place);
    if (open === undefined) parts.sockets.set(place, new Set([this]));
    else open.add(this);
  }

  static connect(parts: NetworkParts, one: SimSocket, two: SimSocket): void {
    one.#begin(parts, two);
    two.#begin(parts, one);
  }

  get other(): SimSocket {
    return this.#other!;
  }

  get out(): Wire {
    return this.#out!;
  }

  /** Written and not taken by the kernel. */
  get pendingBytes(): number {
    return Math.max(0, this.out.unreadBytes - this.#parts.socketBufferBytes);
  }

  write(body: Body, sizeBytes: number): void {
    if (this.closed) return;
    this.out.send(
      this.#parts.throughCodecs ? throughHelloCodec(this.#parts, this.out.link, body) : body,
      sizeBytes,
    );
  }

  /** Closes this end in good order: what was written still arrives. */
  close(): void {
    if (this.closed) return;
    this.out.send({ type: "end", reset: false }, END_BYTES);
    this.#leave();
  }

  /** Its process is over. */
  abandon(ending: Ending): void {
    if (this.closed) return;
    this.#ending = ending;
    if (ending === "told") this.out.send({ type: "end", reset: true }, END_BYTES);
    this.#leave();
  }

  /** The connection breaks: after what has arrived already, nothing more does. */
  break(): void {
    if (!this.closed)
      this.arrived([{ body: { type: "end", reset: true }, sizeBytes: 0, sequence: 0, dueUs: 0 }]);
  }

  arrived(parcels: Parcel[]): void {
    if (this.closed) {
      this.#refuse();
      return;
    }
    if (this.#buffer.length === 0) this.#buffer = parcels;
    else this.#buffer.push(...parcels);
    if (this.#reading) return;
    this.#reading = true;
    this.life.enter(this.#read);
  }

  credit(sizeBytes: number): void {
    const { other } = this;
    other.out.unreadBytes -= sizeBytes;
    if (other.drained === undefined || other.closed || other.#draining) return;
    other.#draining = true;
    other.life.enter(() => {
      other.#draining = false;
      if (!other.closed) other.drained?.();
    });
  }

  /** What a ping would take, in milliseconds; undefined: it is not answered. */
  probe(): number | undefined {
    const { out, other } = this;
    const back = other.out.link;
    if (other.closed) {
      if (!out.link.isCut) other.#refuse();
      return undefined;
    }
    if (other.life.isPaused || !out.link.carriesPings || !back.carriesPings) return undefined;
    return (out.link.meanLatencyUs + back.meanLatencyUs + out.backlogUs + other.out.backlogUs) / 1000;
  }

  /** Whether the other end's pings arrive here. */
  get hearsPings(): boolean {
    const { other } = this;
    return !other.closed && !other.life.isPaused && other.out.link.carriesPings;
  }

  #begin(parts: NetworkParts, other: SimSocket): void {
    this.#other = other;
    this.#out = new Wire(parts, parts.link(this.place, other.place), {
      arrived: (parcels) => other.arrived(parcels),
      broke: () => {
        this.break();
        other.break();
      },
    });
  }

  #deliver(): void {
    this.#reading = false;
    if (this.closed) return;
    let parcels = this.#buffer;
    this.#buffer = [];
    const endAt = parcels.findIndex(({ body }) => body.type === "end");
    const end = parcels[endAt]?.body;
    if (end !== undefined) parcels = parcels.slice(0, endAt);
    if (parcels.length > 0) {
      if (!this.readsSlowly) {
        let sizeBytes = 0;
        for (const parcel of parcels) sizeBytes += parcel.sizeBytes;
        this.credit(sizeBytes);
      }
      this.received(parcels);
    }
    if (end?.type !== "end" || this.closed) return;
    const { world } = this.#parts;
    if (end.reset) world.coverage.count("network.connection-reset");
    world.note(networkNotes.ended, this.place, this.other.place);
    this.#leave();
    this.lost();
  }

  #leave(): void {
    this.closed = true;
    this.#buffer = [];
    this.#parts.sockets.get(this.place)?.delete(this);
    this.other.out.close();
  }

  /** Somebody wrote to an end that is closed; unless told of its end already, it is now. */
  #refuse(): void {
    const { other } = this;
    if (other.closed || this.#ending === undefined || this.#ending === "told") return;
    if (this.#ending === "silent" && !this.#parts.isUp(this.place)) return;
    this.out.link.carry(() => other.break());
  }
}

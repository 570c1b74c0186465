import type { Message } from "@rstore/replica/raft/types";
import type { Clock } from "@rstore/replica/runtime/clock";
import type { PeerLimits } from "@rstore/replica/transport/limits";
import type { PeerHandler, PeerTransport } from "@rstore/replica/transport/types";
import type { Life } from "../cluster/types.ts";

/** What one direction between two places does. Times in microseconds, chances from 0 to 1. */
export interface LinkWeather {
  readonly latencyMinUs: number;
  /** Mean of the exponential part on top. */
  readonly latencyMeanUs: number;
  /** Of a message between members, and of a call or its answer. A snapshot's connection breaks instead, more often. */
  readonly lossChance: number;
  /** Of a message between members: a copy arrives later, now and then after the connection has ended. */
  readonly duplicateChance: number;
  /** Delivered late, after what was sent later. */
  readonly reorderChance: number;
  /** A bit of the frame flips: the receiver's checksum must notice. Only frames through the codecs can. */
  readonly corruptChance: number;
  /** Of each connection; undefined: unlimited. */
  readonly bytesPerSecond: number | undefined;
}

export interface TransportParts {
  readonly slot: number;
  readonly life: Life;
  readonly clock: Clock;
  readonly handler: PeerHandler;
  /** As the production transport's. */
  readonly limits?: Partial<PeerLimits>;
}

/** Places: slots by their index; clients are `clientPlace(n)`. */
export interface SimNetwork {
  /** The transport of one life, and its peer port: from now on the slot's address answers. */
  createTransport(parts: TransportParts): PeerTransport;
  /** The process in that slot died: its connections are reset, at once or only when somebody writes to them. */
  processEnded(slot: number): void;

  setWeather(weather: LinkWeather): void;
  /** Of one direction, over the general weather; undefined: the general one again. */
  setLinkWeather(from: number, to: number, weather: LinkWeather | undefined): void;
  /**
   * Cuts one direction. What is under way and what is sent is lost, or arrives after the cut, late; connections
   * end when their pings are missed, or, now and then, never.
   */
  cut(from: number, to: number): void;
  heal(from: number, to: number): void;
  isCut(from: number, to: number): boolean;
  healAll(): void;
  /** Closes the connections between two slots. */
  reset(a: number, b: number): void;

  /**
   * A call between places other than through the transport (a client's request, an administrator's): runs
   * `serve` in the life that runs in the slot when it arrives, and calls back with its answer when that has
   * come back. Either may be lost; then nobody calls back.
   */
  call<T>(
    from: number,
    slot: number,
    serve: () => Promise<T>,
    answered: (answer: PromiseSettledResult<T>) => void,
  ): void;
  /** Called at each call of a slot's transport, before it has any effect. */
  onCall: ((slot: number) => void) | undefined;
  /** Called for every message that a member hands to its transport. */
  onSend: ((slot: number, message: Message) => void) | undefined;
}

/** Clients stand on machines of their own: their links can be cut as any other. */
export function clientPlace(client: number): number {
  return 1000 + client;
}

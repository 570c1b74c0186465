import type { Clock } from "@rstore/replica/runtime/clock";
import type { PeerHandler, PeerTransport } from "@rstore/replica/transport/types";
import type { Life } from "../cluster/types.ts";

/** What one direction between two places does. Times in microseconds, chances from 0 to 1. */
export interface LinkWeather {
  readonly latencyMinUs: number;
  /** Mean of the exponential part on top. */
  readonly latencyMeanUs: number;
  readonly lossChance: number;
  readonly duplicateChance: number;
  /** Delivered late, after what was sent later. */
  readonly reorderChance: number;
  /** A bit of the frame flips: the receiver's checksum must notice. Only frames through the codecs can. */
  readonly corruptChance: number;
  /** undefined: unlimited. */
  readonly bytesPerSecond: number | undefined;
}

/** Places: slots by their index; clients are `clientPlace(n)`. */
export interface SimNetwork {
  createTransport(parts: {
    readonly slot: number;
    readonly life: Life;
    readonly clock: Clock;
    readonly handler: PeerHandler;
  }): PeerTransport;
  /** The process in that slot died: its connections are reset, at once or only when somebody writes to them. */
  processEnded(slot: number): void;

  setWeather(weather: LinkWeather): void;
  /** Of one direction, over the general weather; undefined: the general one again. */
  setLinkWeather(from: number, to: number, weather: LinkWeather | undefined): void;
  /** Cuts one direction: what is under way and what is sent is lost; connections notice it late, if at all. */
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
  onSend: ((slot: number, message: import("@rstore/replica/raft/types").Message) => void) | undefined;
}

/** Clients stand on machines of their own: their links can be cut as any other. */
export function clientPlace(client: number): number {
  return 1000 + client;
}

import type { Message } from "@rstore/replica/raft/types";
import type { PeerTransport } from "@rstore/replica/transport/types";
import type { Life } from "../cluster/types.ts";
import type { World } from "../world/world.ts";
import { countLost } from "./count-lost.ts";
import { Link } from "./link.ts";
import type { NetworkParts } from "./network-parts.ts";
import { type Ending, SimSocket } from "./sim-socket.ts";
import { SimTransport } from "./sim-transport.ts";
import type { TransportShared } from "./transport-parts.ts";
import type { LinkWeather, SimNetwork, TransportParts } from "./types.ts";

export interface SimNetworkOptions {
  readonly world: World;
  readonly weather: LinkWeather;
  /** Messages travel as bytes through the production codecs, else as objects. */
  readonly throughCodecs: boolean;
  /** The slot behind an address; undefined: there is no such host. */
  readonly slotOf: (peerUrl: string) => number | undefined;
  /** The process that runs in a slot now. */
  readonly lifeOf: (slot: number) => Life | undefined;
  /** What a connection takes in each direction before its writer must wait. */
  readonly socketBufferBytes?: number;
  /** Deeply freezes what travels as objects: whoever changes it throws. */
  readonly freezes?: boolean;
}

export function createSimNetwork(options: SimNetworkOptions): SimNetwork {
  return new Network(options);
}

const SOCKET_BUFFER_BYTES = 256 * 1024;
/** A name that nobody knows, or a port that nobody listens on. */
const REFUSED_US = 500;
/** Of calls that meet a cut, those that arrive after it. */
const CALL_HELD_CHANCE = 0.3;

/** How many links a place may have: places are numbered below this. */
const PLACES_MAX = 65_536;

class Network implements SimNetwork {
  onCall: ((slot: number) => void) | undefined;
  onSend: ((slot: number, message: Message) => void) | undefined;
  readonly #options: SimNetworkOptions;
  readonly #parts: NetworkParts;
  readonly #links = new Map<number, Link>();
  readonly #ownWeather = new Set<Link>();
  readonly #transports = new Map<number, SimTransport>();
  /** Slots whose machine is gone with its process. */
  readonly #silent = new Set<number>();
  #weather: LinkWeather;

  constructor(options: SimNetworkOptions) {
    const { world, weather, throughCodecs } = options;
    this.#options = options;
    this.#weather = weather;
    this.#parts = {
      world,
      throughCodecs,
      random: world.random("network"),
      freezes: options.freezes ?? false,
      socketBufferBytes: options.socketBufferBytes ?? SOCKET_BUFFER_BYTES,
      sockets: new Map(),
      link: (from, to) => this.#link(from, to),
      isUp: (place) => this.#listener(place) !== undefined,
      replay: (link, arrival) => {
        const listener = this.#listener(link.to);
        listener?.life.enter(() => listener.replay(arrival));
      },
    };
  }

  createTransport(parts: TransportParts): PeerTransport {
    const { slot, life } = parts;
    const transport = new SimTransport(this.#parts, parts, {
      called: () => this.onCall?.(slot),
      sent: (message) => this.onSend?.(slot, message),
      dial: (peerUrl, answer) => this.#dial({ place: slot, life }, peerUrl, answer),
    });
    this.#transports.set(slot, transport);
    this.#silent.delete(slot);
    return transport;
  }

  processEnded(slot: number): void {
    const transport = this.#transports.get(slot);
    this.#transports.delete(slot);
    const open = this.#parts.sockets.get(slot) ?? [];
    const ending = transport?.isClosed === true ? "told" : this.#drawEnding();
    if (ending === "silent") this.#silent.add(slot);
    for (const socket of [...open]) socket.abandon(ending);
  }

  setWeather(weather: LinkWeather): void {
    this.#weather = weather;
    for (const link of this.#links.values()) if (!this.#ownWeather.has(link)) link.weather = weather;
  }

  setLinkWeather(from: number, to: number, weather: LinkWeather | undefined): void {
    const link = this.#link(from, to);
    link.weather = weather ?? this.#weather;
    if (weather === undefined) this.#ownWeather.delete(link);
    else this.#ownWeather.add(link);
  }

  cut(from: number, to: number): void {
    this.#parts.world.say("network", () => `cut ${from} -> ${to}`);
    this.#link(from, to).cut();
  }

  heal(from: number, to: number): void {
    this.#parts.world.say("network", () => `healed ${from} -> ${to}`);
    this.#link(from, to).heal();
  }

  isCut(from: number, to: number): boolean {
    return this.#links.get(linkKey(from, to))?.isCut ?? false;
  }

  healAll(): void {
    this.#parts.world.say("network", () => "all links healed");
    for (const link of this.#links.values()) link.heal();
  }

  reset(a: number, b: number): void {
    const sockets = [...(this.#parts.sockets.get(a) ?? [])].filter(({ other }) => other.place === b);
    for (const socket of sockets) {
      socket.out.lose();
      socket.other.out.lose();
      socket.break();
      socket.other.break();
    }
  }

  call<T>(
    from: number,
    slot: number,
    serve: () => Promise<T>,
    answered: (answer: PromiseSettledResult<T>) => void,
  ): void {
    this.#send(from, slot, () => {
      const life = this.#options.lifeOf(slot);
      life?.enter(() => {
        const answer = (result: PromiseSettledResult<T>): void => {
          if (!life.isOver) this.#send(slot, from, () => answered(result));
        };
        settled(serve).then(
          (value) => answer({ status: "fulfilled", value }),
          (reason: unknown) => answer({ status: "rejected", reason }),
        );
      });
    });
  }

  /** One message of a call. */
  #send(from: number, to: number, arrived: () => void): void {
    const { world, random } = this.#parts;
    const link = this.#link(from, to);
    const { lossChance } = link.weather;
    if (lossChance > 0 && random.chance(lossChance)) {
      countLost(world, link, 1);
      return;
    }
    world.at(link.latencyUs(), () => {
      if (!link.isCut) arrived();
      else if (random.chance(CALL_HELD_CHANCE)) link.hold(arrived);
      else countLost(world, link, 1);
    });
  }

  #dial(
    from: { readonly place: number; readonly life: Life },
    peerUrl: string,
    answer: Parameters<TransportShared["dial"]>[1],
  ): void {
    const { world } = this.#parts;
    const to = this.#options.slotOf(peerUrl);
    if (to === undefined) {
      world.at(REFUSED_US, () => from.life.enter(answer.failed));
      return;
    }
    const back = this.#link(to, from.place);
    this.#link(from.place, to).carry(() => {
      const listener = this.#listener(to);
      if (listener === undefined) {
        if (!this.#silent.has(to)) back.carry(() => from.life.enter(answer.failed));
        return;
      }
      if (from.life.isOver) return;
      const theirs = new SimSocket(this.#parts, to, listener.life);
      const ours = new SimSocket(this.#parts, from.place, from.life);
      SimSocket.connect(this.#parts, ours, theirs);
      listener.life.enter(() => listener.accept(theirs));
      back.carry(() => from.life.enter(() => (ours.closed ? answer.failed() : answer.connected(ours))));
    });
  }

  #listener(slot: number): SimTransport | undefined {
    const transport = this.#transports.get(slot);
    return transport === undefined || transport.life.isOver ? undefined : transport;
  }

  #link(from: number, to: number): Link {
    const key = linkKey(from, to);
    let link = this.#links.get(key);
    if (link === undefined) {
      const { world, random } = this.#parts;
      link = new Link(from, to, { world, random, weather: this.#weather });
      this.#links.set(key, link);
    }
    return link;
  }

  #drawEnding(): Ending {
    const drawn = this.#parts.random.fraction();
    if (drawn < 0.6) return "told";
    return drawn < 0.85 ? "answers-writes" : "silent";
  }
}

function linkKey(from: number, to: number): number {
  return from * PLACES_MAX + to;
}

/** Also for a function that throws before it answers with a promise. */
async function settled<T>(serve: () => Promise<T>): Promise<T> {
  return serve();
}

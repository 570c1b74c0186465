import type { Random } from "../world/random.ts";
import type { World } from "../world/world.ts";
import type { LinkWeather } from "./types.ts";

/** Of a cut, that pings get through all the same, as with a box in between that drops data only. */
const PINGS_PASS_CHANCE = 0.25;
/** Until a sender tries again after a cut. */
const RETRANSMIT_MEAN_US = 40_000;

/** What a cut holds back. */
interface Cuttable {
  healed(): void;
}

/** One direction between two places. */
export class Link {
  readonly from: number;
  readonly to: number;
  isCut = false;
  /** Of the present cut. */
  pingsPass = false;
  /** Neither loses, nor repeats, nor reorders. */
  isHonest = true;
  /** The directions of connections that go this way. */
  readonly wires = new Set<Cuttable>();
  readonly #world: World;
  readonly #random: Random;
  #weather: LinkWeather;
  #held: (() => void)[] = [];

  constructor(from: number, to: number, parts: { world: World; random: Random; weather: LinkWeather }) {
    this.from = from;
    this.to = to;
    this.#world = parts.world;
    this.#random = parts.random;
    this.#weather = parts.weather;
    this.weather = parts.weather;
  }

  get weather(): LinkWeather {
    return this.#weather;
  }

  set weather(weather: LinkWeather) {
    const { lossChance, duplicateChance, reorderChance } = weather;
    this.#weather = weather;
    this.isHonest = lossChance === 0 && duplicateChance === 0 && reorderChance === 0;
  }

  latencyUs(): number {
    const { latencyMinUs, latencyMeanUs } = this.#weather;
    return latencyMinUs + this.#random.exponential(latencyMeanUs);
  }

  /** What a ping takes, without chance. */
  get meanLatencyUs(): number {
    return this.#weather.latencyMinUs + this.#weather.latencyMeanUs;
  }

  get carriesPings(): boolean {
    return !this.isCut || this.pingsPass;
  }

  retransmitUs(): number {
    return this.latencyUs() + this.#random.exponential(RETRANSMIT_MEAN_US);
  }

  /** Something that is not part of a connection: after the latency, or after the cut. */
  carry(arrived: () => void): void {
    this.#world.at(this.latencyUs(), () => this.#arrive(arrived));
  }

  hold(arrived: () => void): void {
    this.#held.push(arrived);
  }

  cut(): void {
    if (this.isCut) return;
    this.isCut = true;
    this.pingsPass = this.#random.chance(PINGS_PASS_CHANCE);
  }

  heal(): void {
    if (!this.isCut) return;
    this.isCut = false;
    for (const wire of [...this.wires]) wire.healed();
    const held = this.#held;
    this.#held = [];
    for (const arrived of held) this.#world.at(this.retransmitUs(), () => this.#arrive(arrived));
  }

  #arrive(arrived: () => void): void {
    if (this.isCut) this.#held.push(arrived);
    else arrived();
  }
}

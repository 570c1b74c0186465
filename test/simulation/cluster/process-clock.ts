import type { Clock } from "@rstore/replica/runtime/clock";
import type { Random } from "../world/random.ts";
import type { World } from "../world/world.ts";
import type { Life } from "./types.ts";

/** What a turn of the loop costs: `soon` is this much later. */
const TURN_MIN_US = 2;
const TURN_MAX_US = 20;

export interface ProcessClockParts {
  readonly world: World;
  readonly life: Life;
  readonly random: Random;
  /** Local milliseconds for each of the world's. */
  readonly rate: number;
  /** What `nowMs` says when the life begins: no two processes agree. */
  readonly startMs: number;
  /** What `wallMs` says when the life begins. */
  readonly wallStartMs: number;
}

interface Timer {
  readonly dueMs: number;
  /** undefined once fired or cancelled. */
  callback: (() => void) | undefined;
  disarm: () => void;
}

/** The clock of one life: its own rate, its own zero, and timers that come late after a pause and never early. */
export class ProcessClock implements Clock {
  readonly #world: World;
  readonly #life: Life;
  readonly #random: Random;
  readonly #wallLeadMs: number;
  readonly #timers = new Set<Timer>();
  #rate: number;
  /** Since the last change of the rate. */
  #sinceUs: number;
  #sinceMs: number;

  constructor({ world, life, random, rate, startMs, wallStartMs }: ProcessClockParts) {
    this.#world = world;
    this.#life = life;
    this.#random = random;
    this.#rate = rate;
    this.#sinceUs = world.nowUs;
    this.#sinceMs = startMs;
    this.#wallLeadMs = wallStartMs - startMs;
  }

  nowMs(): number {
    return this.#sinceMs + ((this.#world.nowUs - this.#sinceUs) / 1000) * this.#rate;
  }

  wallMs(): number {
    return Math.floor(this.nowMs() + this.#wallLeadMs);
  }

  after(delayMs: number, callback: () => void): () => void {
    // As Node's setTimeout: at least a millisecond.
    const timer: Timer = { dueMs: this.nowMs() + Math.max(1, delayMs), callback, disarm: () => {} };
    this.#timers.add(timer);
    this.#arm(timer);
    return () => this.#forget(timer);
  }

  soon(callback: () => void): void {
    const delayUs = this.#random.between(TURN_MIN_US, TURN_MAX_US);
    this.#world.at(delayUs, () => this.#life.enter(callback));
  }

  setRate(rate: number): void {
    this.#sinceMs = this.nowMs();
    this.#sinceUs = this.#world.nowUs;
    this.#rate = rate;
    for (const timer of this.#timers) {
      timer.disarm();
      this.#arm(timer);
    }
  }

  #arm(timer: Timer): void {
    const delayUs = Math.ceil(((timer.dueMs - this.nowMs()) * 1000) / this.#rate);
    timer.disarm = this.#world.at(delayUs, () => {
      if (timer.callback !== undefined) this.#life.enter(() => this.#fire(timer));
    });
  }

  #fire(timer: Timer): void {
    const { callback } = timer;
    this.#forget(timer);
    callback?.();
  }

  #forget(timer: Timer): void {
    timer.callback = undefined;
    timer.disarm();
    this.#timers.delete(timer);
  }
}

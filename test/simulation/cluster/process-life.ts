import type { World } from "../world/world.ts";
import type { Life } from "./types.ts";

/** Between two callbacks of a process that goes on after a pause and has much to catch up with. */
const BACKLOG_STEP_US = 2;

/** See {@link Life}. `entered` is told each time before something runs in it. */
export class ProcessLife implements Life {
  readonly #world: World;
  readonly #entered: () => void;
  #over = false;
  #paused = false;
  #backlog: (() => void)[] = [];
  #pumping = false;

  constructor(world: World, entered: () => void) {
    this.#world = world;
    this.#entered = entered;
  }

  get isOver(): boolean {
    return this.#over;
  }

  get isPaused(): boolean {
    return this.#paused;
  }

  enter(callback: () => void): void {
    if (this.#over) return;
    if (this.#paused || this.#backlog.length > 0) {
      this.#backlog.push(callback);
      return;
    }
    this.#entered();
    callback();
  }

  end(): void {
    this.#over = true;
    this.#backlog = [];
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#pump();
  }

  /** Each callback in an event of its own: promises settle in between, and the process may die there. */
  #pump(): void {
    if (this.#pumping || this.#paused || this.#backlog.length === 0) return;
    this.#pumping = true;
    this.#world.at(BACKLOG_STEP_US, () => {
      this.#pumping = false;
      if (this.#over || this.#paused) return;
      const callback = this.#backlog.shift();
      if (callback === undefined) return;
      this.#pump();
      this.#entered();
      callback();
    });
  }
}

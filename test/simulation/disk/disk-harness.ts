import type { Life } from "../cluster/types.ts";
import { Coverage } from "../world/coverage.ts";
import { drainMicrotasks, fromEventLoop } from "../world/microtasks.ts";
import { World } from "../world/world.ts";
import { SimulatedDisk } from "./sim-disk.ts";
import type { DiskWeather } from "./types.ts";

export const calmWeather: DiskWeather = { flushMinUs: 50, flushMaxUs: 400, stallChance: 0, stallMeanUs: 0 };

/** Longer than any deadline. */
const patienceUs = 3_600_000_000;

/** A process that does nothing but live. */
export class TestLife implements Life {
  isOver = false;
  isPaused = false;
  #waiting: (() => void)[] = [];

  enter(callback: () => void): void {
    if (this.isOver) return;
    if (this.isPaused) this.#waiting.push(callback);
    else callback();
  }

  resume(): void {
    this.isPaused = false;
    for (const callback of this.#waiting.splice(0)) this.enter(callback);
  }
}

export type Outcome<T> =
  | { readonly kind: "done"; readonly value: T }
  | { readonly kind: "failed"; readonly error: unknown }
  /** Nothing can happen any more, or the life that it ran in is over. */
  | { readonly kind: "never" };

/** One disk in a world of its own. */
export class DiskHarness {
  readonly world: World;
  readonly coverage = new Coverage();
  readonly disk: SimulatedDisk;

  constructor(seed: number, weather = calmWeather) {
    this.world = new World({ seed, coverage: this.coverage, transcript: undefined });
    this.disk = new SimulatedDisk({ world: this.world, name: "r0", weather });
  }

  /** Runs the world until the task is done, or can no longer be. */
  run<T>(task: () => Promise<T>, life?: Life): Outcome<T> {
    const settled: { outcome?: Outcome<T> } = {};
    task().then(
      (value) => {
        settled.outcome = { kind: "done", value };
      },
      (error: unknown) => {
        settled.outcome = { kind: "failed", error };
      },
    );
    drainMicrotasks();
    const untilUs = this.world.nowUs + patienceUs;
    while (settled.outcome === undefined && !life?.isOver && this.world.step(untilUs));
    return life?.isOver ? { kind: "never" } : (settled.outcome ?? { kind: "never" });
  }

  /** The value of a task that must not fail. */
  must<T>(task: () => Promise<T>): T {
    const outcome = this.run(task);
    if (outcome.kind === "done") return outcome.value;
    throw outcome.kind === "failed" ? outcome.error : new Error("it never ended");
  }

  /** Ends a life as a power cut does. */
  crash(life: TestLife): void {
    life.isOver = true;
    this.disk.crash();
  }
}

/** A test body that may run worlds. */
export const inWorld = (body: () => void) => () => fromEventLoop(body);

import type { Life } from "../cluster/types.ts";
import type { Random } from "../world/random.ts";
import type { World } from "../world/world.ts";
import type { CrashChoice } from "./crash-choice.ts";
import type { DiskWeather } from "./types.ts";

/** What is begun for a life that is over goes on in nobody. */
export const never: Promise<never> = new Promise(() => {});

/** What a call that answers at once throws in a process that is no more. */
export class ProcessIsOver extends Error {}

interface Call {
  readonly effect: () => void;
  readonly isFlush: boolean;
  cancel: () => void;
}

const callMinUs = 5;
const callMaxUs = 120;
/** From the disk's answer to the process that waits for it. */
const wakeMaxUs = 150;
const slowUs = 10_000;

interface DiskCallsParts {
  readonly world: World;
  readonly random: Random;
  /** Told how long each flush takes, or that it is held. */
  readonly flushTakes: (durationUs: number) => void;
}

/**
 * What processes have asked of the disk and not yet got: when it happens, when they hear of it, and what
 * becomes of it when they die.
 */
export class DiskCalls {
  weather: DiskWeather;
  readonly #parts: DiskCallsParts;
  readonly #underWay = new Set<Call>();
  /** Flushes that a frozen disk holds, in order. */
  #held: Call[] | undefined;

  constructor(parts: DiskCallsParts, weather: DiskWeather) {
    this.#parts = parts;
    this.weather = weather;
  }

  /** Anything but a flush: happens soon, whole. */
  call<T>(life: Life, effect: () => T): Promise<T> {
    const { random } = this.#parts;
    return this.#begin(life, { effect, isFlush: false, delayUs: random.between(callMinUs, callMaxUs) });
  }

  /** `effect` runs at the end of the flush. `transferUs`: what moving the bytes takes. */
  flush<T>(life: Life, effect: () => T, transferUs = 0): Promise<T> {
    return this.#begin(life, { effect, isFlush: true, delayUs: transferUs + this.#flushUs() });
  }

  #begin<T>(
    life: Life,
    { effect, isFlush, delayUs }: { effect: () => T; isFlush: boolean; delayUs: number },
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const happen = (): void => {
        this.#underWay.delete(call);
        try {
          const answer = effect();
          this.#wake(life, isFlush, () => resolve(answer));
        } catch (error) {
          this.#wake(life, isFlush, () => reject(error));
        }
      };
      const call: Call = { effect: happen, isFlush, cancel: () => {} };
      this.#underWay.add(call);
      const schedule = (): void => {
        call.cancel = this.#parts.world.at(delayUs, () => {
          if (!life.isOver) happen();
        });
      };
      if (isFlush && this.#held) {
        this.#parts.world.coverage.count("disk.stalled");
        this.#parts.flushTakes(Number.POSITIVE_INFINITY);
        call.cancel = () => {};
        this.#held.push({ ...call, effect: schedule });
      } else {
        schedule();
      }
    });
  }

  /** A commit is there before its writer knows. */
  #wake(life: Life, isFlush: boolean, answer: () => void): void {
    const { world, random } = this.#parts;
    if (isFlush && random.chance(0.25)) world.at(random.between(1, wakeMaxUs), () => life.enter(answer));
    else life.enter(answer);
  }

  #flushUs(): number {
    const { world, random, flushTakes } = this.#parts;
    const { flushMinUs, flushMaxUs, stallChance, stallMeanUs } = this.weather;
    let durationUs = random.between(flushMinUs, flushMaxUs);
    if (stallChance > 0 && random.chance(stallChance)) {
      durationUs += random.exponential(stallMeanUs);
      world.coverage.count("disk.stalled");
    } else if (durationUs >= slowUs) {
      world.coverage.count("disk.slow");
    }
    flushTakes(durationUs);
    return durationUs;
  }

  get isFrozen(): boolean {
    return this.#held !== undefined;
  }

  freeze(): void {
    this.#held ??= [];
  }

  thaw(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const call of held) call.effect();
  }

  /** Each call that is under way happens once more or never, as the crash chooses. */
  crash(choice: CrashChoice): { readonly flushesKept: number; readonly flushesLost: number } {
    const calls = [...this.#underWay];
    this.#underWay.clear();
    if (this.#held) this.#held = [];
    let flushesKept = 0;
    let flushesLost = 0;
    for (const call of calls) {
      call.cancel();
      const kept = choice.keeps();
      if (kept) call.effect();
      if (call.isFlush && kept) flushesKept += 1;
      if (call.isFlush && !kept) flushesLost += 1;
    }
    return { flushesKept, flushesLost };
  }
}

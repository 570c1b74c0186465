import type { Random } from "../world/random.ts";

const headBytes = 64;

/**
 * What a crash keeps of what was not flushed. With some only the process dies: what it wrote is there at the
 * next start, and the next crash may still take it. Of the others some keep nothing, the rest whatever chance
 * says: so each corner is common.
 */
export class CrashChoice {
  readonly isProcessOnly: boolean;
  readonly #random: Random;
  readonly #keepChance: number;

  constructor(random: Random) {
    this.#random = random;
    const style = random.between(0, 9);
    this.isProcessOnly = style < 3;
    this.#keepChance = style < 3 ? 0.5 : style < 6 ? 0 : random.fraction();
  }

  keeps(): boolean {
    return this.#random.chance(this.#keepChance);
  }

  /** A piece of so many bytes: how many of its first are on the disk. */
  bytesKept(size: number): number {
    if (this.keeps()) return size;
    const tears = this.#keepChance > 0 && size > 1 && this.#random.chance(0.2);
    if (!tears) return 0;
    // Half of them in what is likely to be a record's head.
    const most = this.#random.chance(0.5) ? Math.min(headBytes, size - 1) : size - 1;
    return this.#random.between(1, most);
  }
}

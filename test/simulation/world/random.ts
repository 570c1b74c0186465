/**
 * Chance from a seed: sfc32 (Chris Doty-Humphrey, PractRand), 32-bit arithmetic only, so that a seed means the
 * same on every machine.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number, stream = "") {
    let mixed = seed | 0;
    for (let i = 0; i < stream.length; i += 1) mixed = Math.imul(mixed ^ stream.charCodeAt(i), 0x01000193);
    this.#a = mixed;
    this.#b = Math.floor(seed / 0x1_0000_0000) | 0;
    this.#c = Math.imul(mixed ^ 0x9e3779b9, 0x85ebca6b);
    for (let i = 0; i < 12; i += 1) this.uint32();
  }

  uint32(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** In [0, 1). */
  fraction(): number {
    return this.uint32() / 0x1_0000_0000;
  }

  /** A whole number in [from, to], both ends included. */
  between(from: number, to: number): number {
    return from + Math.floor(this.fraction() * (to - from + 1));
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  /** Exponential with a long tail, at least 0; `mean` in the unit of the answer. */
  exponential(mean: number): number {
    return -Math.log(1 - this.fraction()) * mean;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.between(0, items.length - 1)];
    if (item === undefined) throw new Error("nothing to pick from");
    return item;
  }

  /** A new array in random order. */
  shuffle<T>(items: readonly T[]): T[] {
    const shuffled = [...items];
    for (let i = shuffled.length - 1; i > 0; i -= 1) {
      const j = this.between(0, i);
      [shuffled[i], shuffled[j]] = [shuffled[j]!, shuffled[i]!];
    }
    return shuffled;
  }

  /** Between `atLeast` and all of them, in random order. */
  subset<T>(items: readonly T[], atLeast = 0): T[] {
    return this.shuffle(items).slice(0, this.between(Math.min(atLeast, items.length), items.length));
  }

  bytes(size: number): Uint8Array {
    const bytes = new Uint8Array(size);
    for (let i = 0; i < size; i += 1) bytes[i] = this.uint32() & 0xff;
    return bytes;
  }
}

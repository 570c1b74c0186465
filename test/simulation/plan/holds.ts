/** Counts who holds something, for faults that overlap: taken at the first, let go at the last. */
export class Holds<K> {
  readonly #counts = new Map<K, number>();
  readonly #take: (key: K) => void;
  readonly #letGo: (key: K) => void;

  constructor(take: (key: K) => void, letGo: (key: K) => void) {
    this.#take = take;
    this.#letGo = letGo;
  }

  take(key: K): void {
    const count = this.#counts.get(key) ?? 0;
    this.#counts.set(key, count + 1);
    if (count === 0) this.#take(key);
  }

  letGo(key: K): void {
    const count = this.#counts.get(key);
    if (count === undefined) return;
    if (count > 1) {
      this.#counts.set(key, count - 1);
      return;
    }
    this.#counts.delete(key);
    this.#letGo(key);
  }

  isHeld(key: K): boolean {
    return this.#counts.has(key);
  }

  clear(): void {
    for (const key of this.#counts.keys()) this.#letGo(key);
    this.#counts.clear();
  }
}

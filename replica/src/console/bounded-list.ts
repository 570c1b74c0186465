/** The last items of a sequence that goes on; items are numbered from 1. */
export class BoundedList<T> {
  readonly #max: number;
  readonly #items: T[] = [];
  #last = 0;

  constructor(max: number) {
    this.#max = max;
  }

  push(item: T): void {
    this.#items.push(item);
    this.#last++;
    if (this.#items.length > this.#max) this.#items.shift();
  }

  /** Number of the newest item; 0 before the first. */
  get last(): number {
    return this.#last;
  }

  /** Those that are still here. */
  items(): readonly T[] {
    return [...this.#items];
  }
}

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

  /** What came after item `number`, as far as it is still here. */
  after(number: number): readonly T[] {
    const missing = this.#last - Math.max(0, number);
    return missing <= 0 ? [] : this.#items.slice(-missing);
  }
}

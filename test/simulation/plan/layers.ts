/** Settings laid over one another by faults that overlap: the newest that has not ended counts. */
export class Layers<T> {
  readonly #set: (value: T) => void;
  readonly #base: T;
  #layers: { readonly value: T }[] = [];

  constructor(base: T, set: (value: T) => void) {
    this.#base = base;
    this.#set = set;
  }

  /** The answer takes it away again. */
  add(value: T): () => void {
    const layer = { value };
    this.#layers.push(layer);
    this.#set(value);
    return () => {
      this.#layers = this.#layers.filter((other) => other !== layer);
      this.#set(this.#layers.at(-1)?.value ?? this.#base);
    };
  }

  clear(): void {
    this.#layers = [];
    this.#set(this.#base);
  }
}

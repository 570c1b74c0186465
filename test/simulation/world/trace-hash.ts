/** Two lanes of murmur3's mixing over 32-bit words: tells runs apart, keeps nothing secret. */
export class TraceHash {
  #low = 0x2545f491;
  #high = 0x9e3779b9;

  mix(a: number, b: number, c: number, d: number): void {
    this.#word(a);
    this.#word(b);
    this.#word(Math.floor(b / 0x1_0000_0000));
    this.#word(c);
    this.#word(d);
  }

  #word(word: number): void {
    let mixed = Math.imul(word | 0, 0xcc9e2d51);
    mixed = (mixed << 15) | (mixed >>> 17);
    this.#low = (Math.imul(this.#low ^ mixed, 5) + 0x6b64) | 0;
    this.#high = Math.imul((this.#high << 13) | (this.#high >>> 19), 0x1b873593) ^ this.#low;
  }

  get value(): string {
    const hex = (word: number) => (word >>> 0).toString(16).padStart(8, "0");
    return hex(this.#high) + hex(this.#low);
  }
}

/** Latencies of one measurement, in milliseconds. */
export class Latencies {
  #samples = new Float64Array(1 << 16);
  #count = 0;

  add(ms: number): void {
    if (this.#count === this.#samples.length) {
      const larger = new Float64Array(2 * this.#samples.length);
      larger.set(this.#samples);
      this.#samples = larger;
    }
    this.#samples[this.#count++] = ms;
  }

  get count(): number {
    return this.#count;
  }

  /** The smallest latency that is not exceeded by this share of the samples; 0 < share <= 1. */
  percentiles(shares: readonly number[]): number[] {
    const sorted = this.#samples.subarray(0, this.#count).slice().sort();
    return shares.map((share) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN);
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

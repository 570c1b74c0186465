/** Kinds of lines remembered for one message; those beyond it share one place. */
const KINDS_MAX = 64;

interface Kind {
  saidAtMs: number;
  suppressed: number;
}

/** Lets lines that are alike through once in a while, and counts those that it keeps back. Memory is bounded. */
export class LineLimiter {
  readonly #everyMs: number;
  readonly #kinds = new Map<string, Kind>();
  readonly #others: Kind = { saidAtMs: Number.NEGATIVE_INFINITY, suppressed: 0 };

  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  /** How many lines of this kind were kept back since the last; undefined: this one is, too. */
  admit(name: string, nowMs: number): number | undefined {
    const kind = this.#kind(name, nowMs);
    if (nowMs - kind.saidAtMs < this.#everyMs) {
      kind.suppressed += 1;
      return undefined;
    }
    const { suppressed } = kind;
    kind.saidAtMs = nowMs;
    kind.suppressed = 0;
    return suppressed;
  }

  #kind(name: string, nowMs: number): Kind {
    const known = this.#kinds.get(name);
    if (known !== undefined) return known;
    if (this.#kinds.size >= KINDS_MAX) this.#forget(nowMs);
    // Somebody makes names up: so many lines in a while, and no more.
    if (this.#kinds.size >= KINDS_MAX) return this.#others;
    const kind = { saidAtMs: Number.NEGATIVE_INFINITY, suppressed: 0 };
    this.#kinds.set(name, kind);
    return kind;
  }

  #forget(nowMs: number): void {
    for (const [name, { saidAtMs }] of this.#kinds) {
      if (nowMs - saidAtMs >= this.#everyMs) this.#kinds.delete(name);
    }
  }
}

import type { KeyState } from "./history.ts";

/** What an entry costs in memory besides its text, about: the state, its chain, the Map's slot. */
const ENTRY_OVERHEAD_BYTES = 200;

/**
 * The newest states of keys used lately, so that a change of one need not read the backend. Every change
 * writes through it, so what it holds is the newest always. Two generations: a hit in the old one moves to
 * the young one, and when that is full it becomes the old one and what was old is forgotten.
 */
export class StateCache {
  readonly #generationMaxBytes: number;
  #young = new Map<string, KeyState>();
  #old = new Map<string, KeyState>();
  #youngBytes = 0;

  constructor(maxBytes: number) {
    this.#generationMaxBytes = maxBytes / 2;
  }

  get(text: string): KeyState | undefined {
    const young = this.#young.get(text);
    if (young !== undefined) return young;
    const old = this.#old.get(text);
    if (old !== undefined) this.set(text, old);
    return old;
  }

  set(text: string, state: KeyState): void {
    const before = this.#young.size;
    this.#young.set(text, state);
    if (this.#young.size === before) return;
    this.#youngBytes += text.length + ENTRY_OVERHEAD_BYTES;
    if (this.#youngBytes < this.#generationMaxBytes) return;
    this.#old = this.#young;
    this.#young = new Map();
    this.#youngBytes = 0;
  }
}

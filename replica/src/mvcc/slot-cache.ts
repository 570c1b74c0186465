import type { KeyState } from "./history.ts";
import type { HeldRecord } from "./sorted-records.ts";

/** A key's newest state, and the record of the overlay that was last written for it. */
export interface KeySlot {
  readonly text: string;
  /** One object for the life of the slot: it changes with the key. */
  readonly state: KeyState;
  /** In `cur` if the state is live, in `idx` if not; perhaps of a generation that is long gone. */
  held: HeldRecord | undefined;
}

/** What a slot costs in memory besides its text, about: slot, state, the Map's entry. */
const SLOT_OVERHEAD_BYTES = 240;

/**
 * Slots of keys used lately, so that a change of one need not read the backend. Every change writes through
 * it, so what it holds is the newest always. Two generations: a hit in the old one moves to the young one,
 * and when that is full it becomes the old one and what was old is forgotten.
 */
export class SlotCache {
  readonly #generationMaxBytes: number;
  #young = new Map<string, KeySlot>();
  #old = new Map<string, KeySlot>();
  #youngBytes = 0;

  constructor(maxBytes: number) {
    this.#generationMaxBytes = maxBytes / 2;
  }

  get(text: string): KeySlot | undefined {
    const young = this.#young.get(text);
    if (young !== undefined) return young;
    const old = this.#old.get(text);
    if (old !== undefined) this.add(old);
    return old;
  }

  /** A slot that is not in the young generation. */
  add(slot: KeySlot): void {
    this.#young.set(slot.text, slot);
    this.#youngBytes += slot.text.length + SLOT_OVERHEAD_BYTES;
    if (this.#youngBytes < this.#generationMaxBytes) return;
    this.#old = this.#young;
    this.#young = new Map();
    this.#youngBytes = 0;
  }
}

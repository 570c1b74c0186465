import { assert } from "../assert.ts";
import type { KvReader } from "../storage/kv-backend.types.ts";
import { ByteWriter, textFromBytes } from "./bytes.ts";
import { xxh32 } from "./hash.ts";
import { type KeyState, type Revision, stateAt } from "./history.ts";
import { Overlay } from "./overlay.ts";
import {
  decodeEvent,
  decodeEventState,
  decodeRevKey,
  decodeState,
  type EventRecord,
  encodeRevKey,
  writeEvent,
} from "./records.ts";
import { type KeySlot, SlotCache } from "./slot-cache.ts";
import type { KeyValue } from "./types.ts";

/** The records of the history, typed, above the overlay and the cache of slots. */
export class HistoryRecords {
  readonly overlay: Overlay;
  readonly #cache: SlotCache;
  readonly #writer = new ByteWriter();

  constructor(backend: KvReader, cacheMaxBytes: number) {
    this.overlay = new Overlay(backend);
    this.#cache = new SlotCache(cacheMaxBytes);
  }

  /** Of a key, live or deleted, that has history; undefined: none is left. */
  slot(key: Uint8Array): KeySlot | undefined {
    const text = textFromBytes(key);
    return this.#cache.get(text) ?? this.#loadSlot(text, key);
  }

  #loadSlot(text: string, key: Uint8Array): KeySlot | undefined {
    const record = this.overlay.get("cur", key) ?? this.overlay.get("idx", key);
    if (record === undefined) return undefined;
    const slot: KeySlot = { text, state: decodeState(record), held: undefined };
    this.#cache.add(slot);
    return slot;
  }

  event(main: number, sub: number): EventRecord {
    return decodeEvent(main, sub, this.eventRecord(main, sub));
  }

  eventState(main: number, sub: number): KeyState {
    return decodeEventState(main, sub, this.eventRecord(main, sub));
  }

  eventRecord(main: number, sub: number): Uint8Array {
    const record = this.overlay.event(main, sub);
    assert(record !== undefined, `the event at revision ${main}.${sub} is not in the store`);
    return record;
  }

  /** The state at a revision that is not compacted, from the newest. */
  stateAt(newest: KeyState, revision: number): KeyState | undefined {
    return stateAt(newest, revision, (main, sub) => this.eventState(main, sub));
  }

  /** The events from one revision, inclusive, to another, exclusive, as records. */
  *events(from: Revision, to: Revision): Generator<readonly [Revision, Uint8Array]> {
    const range = { start: encodeRevKey(from.main, from.sub), end: encodeRevKey(to.main, to.sub) };
    for (const [key, record] of this.overlay.scan("rev", range)) yield [decodeRevKey(key), record];
  }

  /** The value that a live state's event carries. */
  keyValue(state: KeyState, key: Uint8Array): KeyValue {
    return keyValueOf(state, key, this.event(state.main, state.sub).value);
  }

  /**
   * Adds the event that leads to `state`, and makes that the key's newest. `slot`: of this key. Returns the
   * digest of the event.
   */
  append(slot: KeySlot | undefined, state: KeyState, key: Uint8Array, value: Uint8Array): number {
    const writer = this.#writer;
    const contentOffset = writeEvent(writer, state, key, value);
    this.overlay.appendEvent(state.main, state.sub, writer);
    if (slot === undefined) this.#addSlot(state, key);
    else this.#updateSlot(slot, state);
    const { slab, start, length } = writer;
    return xxh32(slab, start + contentOffset, start + length, 0);
  }

  #addSlot(state: KeyState, key: Uint8Array): void {
    const text = textFromBytes(key);
    this.#cache.add({ text, state, held: this.overlay.hold(tableOf(state), text, state) });
  }

  /**
   * The record held for the slot has the slot's state as its value. In the flushing generation that value may
   * thus be newer than what was frozen: no read comes to it, since the active generation has it as well.
   */
  #updateSlot(slot: KeySlot, next: KeyState): void {
    const { state, text, held } = slot;
    const before = tableOf(state);
    state.become(next);
    const table = tableOf(state);
    // A key is in one of the two tables at most.
    if (table !== before) this.overlay.hold(before, text, undefined);
    else if (held !== undefined && this.overlay.isActive(held)) return;
    slot.held = this.overlay.hold(table, text, state);
  }
}

function tableOf(state: KeyState): "cur" | "idx" {
  return state.deleted ? "idx" : "cur";
}

export function keyValueOf(state: KeyState, key: Uint8Array, value: Uint8Array): KeyValue {
  return {
    key,
    value,
    createRevision: BigInt(state.create),
    modRevision: BigInt(state.main),
    version: BigInt(state.version),
    lease: state.lease,
  };
}

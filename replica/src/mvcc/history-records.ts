import { assert } from "../assert.ts";
import type { KvReader } from "../storage/kv-backend.types.ts";
import { ByteWriter, textFromBytes } from "./bytes.ts";
import { type KeyState, type Revision, stateAt } from "./history.ts";
import { Overlay } from "./overlay.ts";
import {
  decodeEvent,
  decodeEventState,
  decodeRevKey,
  decodeState,
  type EncodedEvent,
  type EventRecord,
  encodeRevKey,
  writeEvent,
  writeRevKey,
  writeState,
} from "./records.ts";
import { StateCache } from "./state-cache.ts";
import type { KeyValue } from "./types.ts";

/** The records of the history, typed, above the overlay and the cache of states. */
export class HistoryRecords {
  readonly overlay: Overlay;
  readonly #cache: StateCache;
  readonly #writer = new ByteWriter();

  constructor(backend: KvReader, cacheMaxBytes: number) {
    this.overlay = new Overlay(backend);
    this.#cache = new StateCache(cacheMaxBytes);
  }

  /** The newest state of a key, live or deleted; undefined when no history of it is left. */
  newestState(key: Uint8Array): KeyState | undefined {
    const text = textFromBytes(key);
    const cached = this.#cache.get(text);
    if (cached !== undefined) return cached;
    const record = this.overlay.get("cur", key) ?? this.overlay.get("idx", key);
    if (record === undefined) return undefined;
    const state = decodeState(record);
    this.#cache.set(text, state);
    return state;
  }

  event(main: number, sub: number): EventRecord {
    return decodeEvent(main, sub, this.eventRecord(main, sub));
  }

  eventState(main: number, sub: number): KeyState {
    return decodeEventState(main, sub, this.eventRecord(main, sub));
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

  eventRecord(main: number, sub: number): Uint8Array {
    const record = this.overlay.get("rev", encodeRevKey(main, sub));
    assert(record !== undefined, `the event at revision ${main}.${sub} is not in the store`);
    return record;
  }

  /** The value that a live state's event carries. */
  keyValue(state: KeyState, key: Uint8Array): KeyValue {
    return keyValueOf(state, key, this.event(state.main, state.sub).value);
  }

  /** Adds the event that leads to `state`, and makes that the key's newest in place of `before`. */
  append(state: KeyState, before: KeyState | undefined, key: Uint8Array, value: Uint8Array): EncodedEvent {
    const writer = this.#writer;
    const event = writeEvent(writer, state, key, value);
    const overlay = this.overlay;
    overlay.set("rev", writeRevKey(writer, state.main, state.sub), event.record);
    const live = state.version !== 0;
    overlay.set(live ? "cur" : "idx", event.key, writeState(writer, state));
    // A key is in one of the two tables at most.
    if (before !== undefined && before.deleted === live) overlay.delete(live ? "idx" : "cur", event.key);
    this.#cache.set(textFromBytes(key), state);
    return event;
  }
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

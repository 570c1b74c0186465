import { compareBytes, keyAfter, NO_BYTES } from "./bytes.ts";
import { type KeyState, stateAt } from "./history.ts";
import { type HistoryRecords, keyValueOf } from "./history-records.ts";
import { STEP_MAX_VISITS } from "./limits.ts";
import { decodeState } from "./records.ts";
import type { KeyRange, KeyValue, RangeQuery, RangeStep } from "./types.ts";

/** A range read at a revision that is not compacted and not in the future. */
export interface RangeView {
  readonly records: HistoryRecords;
  /** undefined: the newest, or a revision after which nothing changed. */
  readonly revision: number | undefined;
}

/** Exclusive end of a range as the tables take it: undefined to the end. */
export function scanEnd(range: KeyRange): Uint8Array | undefined {
  if (range.end === undefined) return keyAfter(range.start);
  return range.end.length === 0 ? undefined : range.end;
}

/** What a walk over the states of a range does, and where it stops. */
export interface StateWalker {
  /** Asked before each record: the walk ends here. */
  readonly full: boolean;
  visit(key: Uint8Array, state: Uint8Array): void;
}

/** Walks the records of states in a range; the range that is left when the walker was full before its end. */
export function walkStates(
  view: RangeView,
  range: KeyRange & { readonly reverse: boolean },
  walker: StateWalker,
): KeyRange | undefined {
  const { start, end, reverse } = range;
  const states = view.revision === undefined ? scanNewest(view, range) : scanAll(view, range);
  for (const [key, state] of states) {
    if (walker.full) {
      return reverse ? { start, end: keyAfter(key) } : { start: key, end: end ?? keyAfter(start) };
    }
    walker.visit(key, state);
  }
  return undefined;
}

/**
 * One step of a range read. It ends with the range, with `maxKeys`, with `maxBytes`, or after visiting
 * {@link STEP_MAX_VISITS} records: so a step may return less than asked, even nothing, and only `next` says
 * whether there is more.
 */
export function readRange(view: RangeView, query: RangeQuery): RangeStep {
  const step = new RangeStepBuilder(view, query);
  const next = walkStates(view, query, step);
  return { keyValues: step.keyValues, count: step.count, next };
}

type ScanRange = KeyRange & { readonly reverse: boolean };
type StateRow = readonly [Uint8Array, Uint8Array];

function scanNewest(view: RangeView, range: ScanRange): IterableIterator<StateRow> {
  const options = { start: range.start, end: scanEnd(range), reverse: range.reverse };
  return view.records.overlay.scan("cur", options);
}

/** Live and deleted keys in one order: at an older revision either may have existed. */
function* scanAll(view: RangeView, range: ScanRange): Generator<StateRow> {
  const options = { start: range.start, end: scanEnd(range), reverse: range.reverse };
  const live = view.records.overlay.scan("cur", options);
  const gone = view.records.overlay.scan("idx", options);
  const direction = range.reverse ? -1 : 1;
  let a = live.next();
  let b = gone.next();
  try {
    while (a.done !== true || b.done !== true) {
      const order =
        a.done === true ? 1 : b.done === true ? -1 : direction * compareBytes(a.value[0], b.value[0]);
      if (order <= 0) {
        yield a.value as StateRow;
        a = live.next();
      } else {
        yield b.value as StateRow;
        b = gone.next();
      }
    }
  } finally {
    live.return?.();
    gone.return?.();
  }
}

class RangeStepBuilder implements StateWalker {
  readonly #view: RangeView;
  readonly #query: RangeQuery;
  readonly keyValues: KeyValue[] = [];
  count = 0;
  #bytes = 0;
  #visits = 0;

  constructor(view: RangeView, query: RangeQuery) {
    this.#view = view;
    this.#query = query;
  }

  get full(): boolean {
    const { maxKeys, maxBytes } = this.#query;
    return this.count >= maxKeys || this.#bytes >= maxBytes || this.#visits >= STEP_MAX_VISITS;
  }

  visit(key: Uint8Array, record: Uint8Array): void {
    this.#visits++;
    const { keysOnly, countOnly } = this.#query;
    const { revision, records } = this.#view;
    if (countOnly && revision === undefined) {
      this.count++;
      return;
    }
    let state: KeyState | undefined = decodeState(record);
    if (revision !== undefined) {
      state = stateAt(state, revision, (main, sub) => {
        this.#visits++;
        return records.eventState(main, sub);
      });
      if (state === undefined) return;
    }
    this.count++;
    if (countOnly) return;
    const value = keysOnly ? NO_BYTES : records.event(state.main, state.sub).value;
    this.keyValues.push(keyValueOf(state, key, value));
    this.#bytes += key.length + value.length;
  }
}

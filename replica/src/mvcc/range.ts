import { keyAfter, NO_BYTES } from "./bytes.ts";
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

/**
 * One step of a range read. It ends with the range, with `maxKeys`, with `maxBytes`, or after visiting
 * {@link STEP_MAX_VISITS} records: so a step may return less than asked, even nothing, and only `next` says
 * whether there is more.
 */
export function readRange(view: RangeView, query: RangeQuery): RangeStep {
  const step = new StepBuilder(view, query);
  if (query.end !== undefined && query.end.length > 0 && compareStart(query) >= 0)
    return step.finish(undefined);
  const states = view.revision === undefined ? scanNewest(view, query) : scanAll(view, query);
  for (const [key, record] of states) {
    if (step.full) {
      close(states);
      return step.finish(key);
    }
    step.visit(key, record);
  }
  return step.finish(undefined);
}

function compareStart(query: RangeQuery): number {
  return Buffer.compare(query.start, query.end!);
}

function close(iterator: Iterator<unknown>): void {
  iterator.return?.();
}

type StateRow = readonly [Uint8Array, Uint8Array];

function scanNewest(view: RangeView, query: RangeQuery): IterableIterator<StateRow> {
  const options = { start: query.start, end: scanEnd(query), reverse: query.reverse };
  return view.records.overlay.scan("cur", options);
}

/** Live and deleted keys in one order: at an older revision either may have existed. */
function* scanAll(view: RangeView, query: RangeQuery): Generator<StateRow> {
  const options = { start: query.start, end: scanEnd(query), reverse: query.reverse };
  const live = view.records.overlay.scan("cur", options);
  const gone = view.records.overlay.scan("idx", options);
  const direction = query.reverse ? -1 : 1;
  let a = live.next();
  let b = gone.next();
  try {
    while (a.done !== true || b.done !== true) {
      const order =
        a.done === true ? 1 : b.done === true ? -1 : direction * Buffer.compare(a.value[0], b.value[0]);
      if (order <= 0) {
        yield a.value as StateRow;
        a = live.next();
      } else {
        yield b.value as StateRow;
        b = gone.next();
      }
    }
  } finally {
    close(live);
    close(gone);
  }
}

class StepBuilder {
  readonly #view: RangeView;
  readonly #query: RangeQuery;
  readonly #keyValues: KeyValue[] = [];
  #count = 0;
  #bytes = 0;
  #visits = 0;

  constructor(view: RangeView, query: RangeQuery) {
    this.#view = view;
    this.#query = query;
  }

  get full(): boolean {
    const { maxKeys, maxBytes } = this.#query;
    return this.#count >= maxKeys || this.#bytes >= maxBytes || this.#visits >= STEP_MAX_VISITS;
  }

  visit(key: Uint8Array, record: Uint8Array): void {
    this.#visits++;
    const { keysOnly, countOnly } = this.#query;
    const { revision, records } = this.#view;
    if (countOnly && revision === undefined) {
      this.#count++;
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
    this.#count++;
    if (countOnly) return;
    const value = keysOnly ? NO_BYTES : records.event(state.main, state.sub).value;
    this.#keyValues.push(keyValueOf(state, key, value));
    this.#bytes += key.length + value.length;
  }

  /** `unvisited`: the key that the step did not come to. */
  finish(unvisited: Uint8Array | undefined): RangeStep {
    return {
      keyValues: this.#keyValues,
      count: this.#count,
      next: unvisited === undefined ? undefined : this.#rangeLeft(unvisited),
    };
  }

  #rangeLeft(unvisited: Uint8Array): KeyRange {
    const { start, end, reverse } = this.#query;
    return reverse ? { start, end: keyAfter(unvisited) } : { start: unvisited, end: end ?? keyAfter(start) };
  }
}

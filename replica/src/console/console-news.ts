import type { ConsoleState } from "./console-state.ts";

/** What the console has to show at one time, for all who ask at that time. */
export interface ConsoleLook {
  /** Everything. */
  readonly state: ConsoleState;
  /** One for each of its events, ascending. */
  readonly eventNumbers: readonly number[];
}

/** A minute of a page that was hidden. Who is further behind gets everything, which is made once for all. */
const NEWS_MAX = 60;

/**
 * What is new since `cursor`, which an earlier answer had. undefined: the cursor is old, of another start, or none
 * at all: everything is to be sent.
 */
export function newsSince({ state, eventNumbers }: ConsoleLook, cursor: string): ConsoleState | undefined {
  const now = numbersOf(state.cursor);
  const then = numbersOf(cursor);
  if (now === undefined || then === undefined || then.epoch !== now.epoch) return undefined;
  const rows = now.row - then.row;
  if (rows < 0 || rows > NEWS_MAX) return undefined;
  const known = eventNumbers.findIndex((number) => number > then.event);
  const events = known < 0 ? [] : state.events.slice(known);
  if (events.length > NEWS_MAX) return undefined;
  return { ...state, full: false, history: rows === 0 ? [] : state.history.slice(-rows), events };
}

function numbersOf(cursor: string): { epoch: string; row: number; event: number } | undefined {
  const match = /^([0-9a-z]+)\.(\d{1,15})\.(\d{1,15})$/.exec(cursor);
  if (match === null) return undefined;
  return { epoch: match[1]!, row: Number(match[2]), event: Number(match[3]) };
}

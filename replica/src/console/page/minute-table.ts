import type { HistoryRow } from "../console-state.ts";

export interface MinuteRow {
  /** When the minute began. */
  readonly atMs: number;
  /** The column's mean for rates, its worst second for latencies; null: nothing was measured. */
  readonly values: readonly (number | null)[];
}

const MINUTE_MS = 60_000;
/** Columns of a row from here on are latencies. */
const FIRST_LATENCY = 4;

/** The history by minutes of the clock, newest first. */
export function minutesOf(rows: readonly HistoryRow[]): MinuteRow[] {
  const byMinute = new Map<number, HistoryRow[]>();
  for (const row of rows) {
    const atMs = Math.floor(row[0] / MINUTE_MS) * MINUTE_MS;
    const minute = byMinute.get(atMs);
    if (minute === undefined) byMinute.set(atMs, [row]);
    else minute.push(row);
  }
  return [...byMinute]
    .map(([atMs, minute]) => ({
      atMs,
      values: minute[0]!
        .slice(1)
        .map((_, at) => (at + 1 < FIRST_LATENCY ? mean(minute, at + 1) : worst(minute, at + 1))),
    }))
    .sort((a, b) => b.atMs - a.atMs);
}

function mean(rows: readonly HistoryRow[], column: number): number {
  return rows.reduce((sum, row) => sum + (row[column] ?? 0), 0) / rows.length;
}

function worst(rows: readonly HistoryRow[], column: number): number | null {
  const values = rows.map((row) => row[column] ?? null).filter((value) => value !== null);
  return values.length === 0 ? null : Math.max(...values);
}

import { expect, it } from "vitest";
import type { HistoryRow } from "../console-state.ts";
import { minutesOf } from "./minute-table.ts";

it("has the mean of rates and the worst second of latencies, newest minute first", () => {
  const rows: HistoryRow[] = [
    [60_000, 10, 2, 0, 1, null, null, null],
    [61_000, 20, 4, 1, 3, 9, null, null],
    [120_000, 5, 0, 0, null, null, 2, 4],
  ];
  expect(minutesOf(rows)).toEqual([
    { atMs: 120_000, values: [5, 0, 0, null, null, 2, 4] },
    { atMs: 60_000, values: [15, 3, 0.5, 3, 9, null, null] },
  ]);
});

import type { HistoryRow } from "../console-state.ts";
import { Chart, type ChartOptions } from "./chart.ts";
import { byId, element } from "./dom.ts";
import { countText, latencyText, minuteText, shortCount } from "./format.ts";
import { minutesOf } from "./minute-table.ts";

const rateText = (value: number): string =>
  `${value >= 10 ? countText(value) : Number(value.toPrecision(2))}/s`;
const latencyAxis = (ms: number): string => (ms >= 1_000 ? `${ms / 1_000} s` : `${ms} ms`);

const charts: readonly ChartOptions[] = [
  {
    title: "Requests and changes",
    series: [
      { name: "requests", column: 1, how: "mean" },
      { name: "changes", column: 2, how: "mean" },
      { name: "failed", column: 3, how: "mean" },
    ],
    scale: "linear",
    text: rateText,
    axisText: (value) => (value === 0 ? "0" : `${shortCount(value)}/s`),
  },
  {
    title: "Request latency",
    series: [
      { name: "median", column: 4, how: "mean" },
      { name: "99th percentile", column: 5, how: "highest" },
    ],
    scale: "decades",
    text: latencyText,
    axisText: latencyAxis,
  },
  {
    title: "Log flush",
    series: [
      { name: "median", column: 6, how: "mean" },
      { name: "99th percentile", column: 7, how: "highest" },
    ],
    scale: "decades",
    text: latencyText,
    axisText: latencyAxis,
  },
];

const heads = [
  "Minute",
  "Requests",
  "Changes of the store",
  "Requests failed",
  "Request latency, median",
  "99th percentile",
  "Log flush, median",
  "99th percentile",
];

/** The charts, and the same as a table for those who read rather than look. */
export class HistoryView {
  readonly #charts = charts.map((options) => new Chart(options));
  readonly #details = byId<HTMLDetailsElement>("history");
  #rows: readonly HistoryRow[] = [];

  constructor() {
    byId("chart-list").append(...this.#charts.map(({ root }) => root));
    byId("history-head").append(...heads.map((head) => element("th", { scope: "col" }, head)));
    this.#details.addEventListener("toggle", () => this.#fillTable());
  }

  show(rows: readonly HistoryRow[], nowMs: number): void {
    this.#rows = rows;
    for (const chart of this.#charts) chart.show(rows, nowMs);
    this.#fillTable();
  }

  #fillTable(): void {
    if (!this.#details.open) return;
    const lines = minutesOf(this.#rows).map(({ atMs, values }) =>
      element(
        "tr",
        {},
        element("th", { scope: "row" }, minuteText(atMs)),
        ...values.map((value, at) =>
          element("td", { class: "number" }, value === null ? "–" : (at < 3 ? rateText : latencyText)(value)),
        ),
      ),
    );
    byId("history-rows").replaceChildren(...lines);
  }
}

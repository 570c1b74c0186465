import type { HistoryRow } from "../console-state.ts";
import { element, setAttributes, setText, svg } from "./dom.ts";
import { minuteText, timeText } from "./format.ts";
import { decadeScale, linearScale, linePath, pointsOf, rowAt, type Scale, spanFor } from "./scale.ts";

export interface Series {
  readonly name: string;
  /** Place in a row of the history. */
  readonly column: number;
  /** How seconds become one point where there are many. */
  readonly how: "mean" | "highest";
}

export interface ChartOptions {
  readonly title: string;
  readonly series: readonly Series[];
  readonly scale: "linear" | "decades";
  /** For the legend. */
  readonly text: (value: number) => string;
  readonly axisText: (value: number) => string;
}

/** Rows come each second; a missing one or two are no gap. */
const GAP_MS = 3_500;
const HEIGHT = 150;
const AXIS_WIDTH = 54;
const AXIS_HEIGHT = 20;
const TOP = 8;
const MINUTE_MS = 60_000;

/** A line chart of the last minutes. Arrow keys and the pointer move a line over it; the legend follows. */
export class Chart {
  readonly root: HTMLElement;
  readonly #options: ChartOptions;
  readonly #plot: SVGSVGElement;
  readonly #grid = svg("g", { class: "grid" });
  readonly #lines: SVGPathElement[];
  readonly #mark = svg("line", { class: "mark" });
  readonly #values: HTMLElement[];
  readonly #at = element("span", { class: "quiet at" });
  #rows: readonly HistoryRow[] = [];
  #nowMs = 0;
  #span = spanFor(0);
  /** The time that is pointed at; undefined: now. */
  #pointedMs: number | undefined;
  #width = 320;

  constructor(options: ChartOptions) {
    this.#options = options;
    const { title, series } = options;
    this.#lines = series.map((_, at) => svg("path", { class: `line series-${at}` }));
    this.#values = series.map(() => element("dd", {}, "–"));
    const legend = element("dl", { class: "legend" });
    series.forEach(({ name }, at) => {
      const swatch = svg("svg", { class: "swatch", viewBox: "0 0 16 4", "aria-hidden": "true" });
      swatch.append(svg("path", { class: `line series-${at}`, d: "M0 2H16" }));
      legend.append(element("div", {}, element("dt", {}, swatch, name), this.#values[at]!));
    });
    this.#plot = svg("svg", {
      class: "plot",
      height: HEIGHT,
      tabindex: 0,
      role: "slider",
      "aria-label": `${title}, by time`,
      "aria-orientation": "horizontal",
    });
    this.#plot.append(this.#grid, ...this.#lines.toReversed(), this.#mark);
    this.root = element(
      "figure",
      { class: "chart" },
      element("figcaption", {}, element("span", {}, title), this.#at),
      legend,
    );
    this.root.append(this.#plot);
    this.#listen();
  }

  show(rows: readonly HistoryRow[], nowMs: number): void {
    this.#rows = rows;
    this.#nowMs = nowMs;
    this.#span = spanFor(nowMs - (rows[0]?.[0] ?? nowMs));
    this.#draw();
  }

  #listen(): void {
    new ResizeObserver(([entry]) => {
      const width = Math.round(entry?.contentRect.width ?? 0);
      if (width === 0 || width === this.#width) return;
      this.#width = width;
      this.#draw();
    }).observe(this.root);
    this.#plot.addEventListener("pointermove", ({ offsetX }) => {
      const share = (offsetX - AXIS_WIDTH) / (this.#width - AXIS_WIDTH);
      this.#point(this.#nowMs - this.#span.spanMs * (1 - Math.min(1, Math.max(0, share))));
    });
    this.#plot.addEventListener("pointerleave", () => this.#point(undefined));
    this.#plot.addEventListener("blur", () => this.#point(undefined));
    this.#plot.addEventListener("keydown", (event) => this.#keyDown(event));
  }

  #keyDown(event: KeyboardEvent): void {
    const steps: Readonly<Record<string, number>> = {
      ArrowLeft: -1_000,
      ArrowRight: 1_000,
      PageDown: -MINUTE_MS,
      PageUp: MINUTE_MS,
      Home: -this.#span.spanMs,
      End: this.#span.spanMs,
    };
    const step = steps[event.key];
    if (event.key === "Escape") this.#point(undefined);
    if (step === undefined) return;
    event.preventDefault();
    const wanted = (this.#pointedMs ?? this.#rows.at(-1)?.[0] ?? this.#nowMs) + step;
    const first = this.#rows[0]?.[0] ?? this.#nowMs;
    this.#point(Math.min(this.#nowMs, Math.max(first, wanted)));
  }

  #point(atMs: number | undefined): void {
    if (this.#pointedMs === undefined && atMs === undefined) return;
    this.#pointedMs = atMs;
    this.#drawMark();
  }

  #x(atMs: number): number {
    return AXIS_WIDTH + (this.#width - AXIS_WIDTH) * (1 - (this.#nowMs - atMs) / this.#span.spanMs);
  }

  #draw(): void {
    const { series } = this.#options;
    const scale = this.#scale();
    const y = (value: number): number => TOP + (HEIGHT - AXIS_HEIGHT - TOP) * (1 - scale.position(value));
    setAttributes(this.#plot, { width: this.#width, viewBox: `0 0 ${this.#width} ${HEIGHT}` });
    const visible = this.#rows.filter(([atMs]) => atMs >= this.#nowMs - this.#span.spanMs);
    const { pointMs } = this.#span;
    series.forEach(({ column, how }, at) => {
      const values = visible.map((row) => ({ atMs: row[0], value: row[column] ?? null }));
      const points = pointsOf(values, pointMs, how).map(({ atMs, value }) => ({
        atMs,
        x: this.#x(atMs),
        y: value === null ? null : y(value),
      }));
      setAttributes(this.#lines[at]!, { d: linePath(points, GAP_MS + pointMs) });
    });
    this.#drawGrid(scale, y);
    this.#drawMark();
  }

  #scale(): Scale {
    const columns = this.#options.series.map(({ column }) => column);
    const values = this.#rows.flatMap((row) =>
      columns.map((column) => row[column]).filter((value) => typeof value === "number"),
    );
    const highest = values.reduce((high, value) => Math.max(high, value), 0);
    if (this.#options.scale === "linear") return linearScale(highest);
    const lowest = values.reduce((low, value) => Math.min(low, value), highest || 1);
    return decadeScale(lowest, highest || 1);
  }

  #drawGrid(scale: Scale, y: (value: number) => number): void {
    const lines: SVGElement[] = [];
    for (const tick of scale.ticks) {
      const at = Math.round(y(tick)) + 0.5;
      lines.push(svg("line", { x1: AXIS_WIDTH, x2: this.#width, y1: at, y2: at }));
      lines.push(
        svg("text", { x: AXIS_WIDTH - 8, y: at + 4, class: "tick-y" }, this.#options.axisText(tick)),
      );
    }
    const { spanMs, tickMs } = this.#span;
    const firstMs = Math.ceil((this.#nowMs - spanMs) / tickMs) * tickMs;
    for (let atMs = firstMs; atMs <= this.#nowMs; atMs += tickMs) {
      const x = this.#x(atMs);
      // A label at the very edge would be cut off.
      if (x < AXIS_WIDTH + 24 || x > this.#width - 24) continue;
      lines.push(
        svg(
          "text",
          { x: Math.round(x), y: HEIGHT - 4, class: "tick-x" },
          tickMs < MINUTE_MS ? timeText(atMs) : minuteText(atMs),
        ),
      );
    }
    this.#grid.replaceChildren(...lines);
  }

  #drawMark(): void {
    const row = this.#pointedMs === undefined ? this.#rows.at(-1) : rowAt(this.#rows, this.#pointedMs);
    const { series, text } = this.#options;
    const shown = series.map(({ column }) => {
      const value = row?.[column] ?? null;
      return value === null ? "–" : text(value);
    });
    shown.forEach((value, at) => {
      setText(this.#values[at]!, value);
    });
    const isPointed = this.#pointedMs !== undefined && row !== undefined;
    const when = row === undefined ? "no data" : timeText(row[0]);
    setText(this.#at, isPointed ? `at ${when}` : "now");
    setAttributes(this.#mark, {
      x1: isPointed ? this.#x(row[0]) : 0,
      x2: isPointed ? this.#x(row[0]) : 0,
      y1: TOP,
      y2: HEIGHT - AXIS_HEIGHT,
      visibility: isPointed ? "visible" : "hidden",
    });
    setAttributes(this.#plot, {
      "aria-valuemin": 0,
      "aria-valuemax": Math.max(0, this.#rows.length - 1),
      "aria-valuenow": row === undefined ? 0 : Math.max(0, this.#rows.indexOf(row)),
      "aria-valuetext": `${when}: ${series.map(({ name }, at) => `${name} ${shown[at]}`).join(", ")}`,
    });
  }
}

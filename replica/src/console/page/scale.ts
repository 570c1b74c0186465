export interface Scale {
  readonly max: number;
  /** From 0 at the bottom to 1 at the top. */
  position(value: number): number;
  readonly ticks: readonly number[];
}

/** From 0 to a round number above the highest value, with two to four lines. */
export function linearScale(highest: number): Scale {
  const wanted = Math.max(highest, 1);
  const power = 10 ** Math.floor(Math.log10(wanted / 2));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => wanted / size <= 4) ?? 10 * power;
  const lines = Math.max(1, Math.ceil(wanted / step - 1e-9));
  const max = lines * step;
  return {
    max,
    position: (value) => value / max,
    ticks: Array.from({ length: lines + 1 }, (_, line) => Number((line * step).toPrecision(6))),
  };
}

/** Whole decades around the values, for what spans several. */
export function decadeScale(lowest: number, highest: number): Scale {
  const low = Math.floor(Math.log10(Math.max(lowest, 0.01)) + 1e-9);
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(highest, 0.01)) - 1e-9));
  const position = (value: number): number =>
    Math.min(1, Math.max(0, (Math.log10(Math.max(value, 10 ** low)) - low) / (high - low)));
  return {
    max: 10 ** high,
    position,
    ticks: Array.from({ length: high - low + 1 }, (_, at) => Number((10 ** (low + at)).toPrecision(1))),
  };
}

/** The newest row at or before a time, by halving; undefined: there is none. */
export function rowAt<Row extends readonly [number, ...unknown[]]>(
  rows: readonly Row[],
  atMs: number,
): Row | undefined {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle]![0] <= atMs) low = middle + 1;
    else high = middle;
  }
  return rows[low - 1];
}

/** An SVG path through the points; it is broken where a value is missing or seconds lie between two. */
export function linePath(
  points: readonly { readonly atMs: number; readonly x: number; readonly y: number | null }[],
  gapMs: number,
): string {
  let path = "";
  let lastMs = Number.NEGATIVE_INFINITY;
  for (const { atMs, x, y } of points) {
    if (y === null) continue;
    path += `${atMs - lastMs > gapMs ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`;
    lastMs = atMs;
  }
  return path;
}

const MINUTE_MS = 60_000;

export interface Span {
  readonly spanMs: number;
  readonly tickMs: number;
  /** Seconds that are drawn as one point: more would be a scribble. */
  readonly pointMs: number;
}

/** How long a time the charts span: what there is, in steps of two, five and ten minutes. */
export function spanFor(historyMs: number): Span {
  if (historyMs <= 2 * MINUTE_MS) return { spanMs: 2 * MINUTE_MS, tickMs: MINUTE_MS / 2, pointMs: 1_000 };
  if (historyMs <= 5 * MINUTE_MS) return { spanMs: 5 * MINUTE_MS, tickMs: MINUTE_MS, pointMs: 3_000 };
  return { spanMs: 10 * MINUTE_MS, tickMs: 2 * MINUTE_MS, pointMs: 5_000 };
}

export interface Point {
  readonly atMs: number;
  readonly value: number | null;
}

/** Points of one length of time each: their mean, or the highest of them. null: nothing was measured. */
export function pointsOf(values: readonly Point[], pointMs: number, how: "mean" | "highest"): Point[] {
  const points: Point[] = [];
  for (let from = 0; from < values.length; ) {
    const place = Math.floor(values[from]!.atMs / pointMs);
    let to = from;
    while (to < values.length && Math.floor(values[to]!.atMs / pointMs) === place) to++;
    const measured = values.slice(from, to).flatMap(({ value }) => (value === null ? [] : [value]));
    const sum = measured.reduce((total, value) => total + value, 0);
    const value = how === "highest" ? Math.max(...measured) : sum / measured.length;
    points.push({ atMs: values[to - 1]!.atMs, value: measured.length === 0 ? null : value });
    from = to;
  }
  return points;
}

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

/** How long a time the charts span: what there is, in steps of two, five and ten minutes. */
export function spanFor(historyMs: number): { readonly spanMs: number; readonly tickMs: number } {
  if (historyMs <= 2 * MINUTE_MS) return { spanMs: 2 * MINUTE_MS, tickMs: MINUTE_MS / 2 };
  if (historyMs <= 5 * MINUTE_MS) return { spanMs: 5 * MINUTE_MS, tickMs: MINUTE_MS };
  return { spanMs: 10 * MINUTE_MS, tickMs: 2 * MINUTE_MS };
}

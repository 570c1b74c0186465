/** How long things take in the rules; tests against a real Prometheus run them faster. */
export interface Timing {
  /** A PromQL duration for a range selector or an alert's `for`. */
  readonly duration: (duration: string) => string;
  /** The same as seconds, of a forecast. */
  readonly horizonSeconds: (duration: string) => number;
}

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Of `90s`, `5m`, `6h`, `1d`. */
export function secondsOf(duration: string): number {
  const match = /^(\d+)([smhd])$/.exec(duration);
  if (match === null) throw new Error(`${duration} is no duration`);
  return Number(match[1]) * unitSeconds[match[2]!]!;
}

export const realTiming: Timing = { duration: (duration) => duration, horizonSeconds: secondsOf };

/** Everything goes `factor` times as fast, down to `leastSeconds`, which a few scrapes must fit into. */
export function fasterTiming(factor: number, leastSeconds: number): Timing {
  const seconds = (duration: string) => Math.max(leastSeconds, Math.round(secondsOf(duration) / factor));
  return { duration: (duration) => `${seconds(duration)}s`, horizonSeconds: seconds };
}

/** RFC 3339 in UTC, as the API server writes times; `milliseconds` since the epoch. */
export function timestampFromMilliseconds(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

/** Milliseconds since the epoch; undefined for what is absent or no time. */
export function millisecondsFromTimestamp(timestamp: string | undefined): number | undefined {
  const milliseconds = timestamp === undefined ? Number.NaN : Date.parse(timestamp);
  return Number.isNaN(milliseconds) ? undefined : milliseconds;
}

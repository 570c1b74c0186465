const counts = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

export function countText(count: number): string {
  return counts.format(count);
}

/** `1.2 k`, for the little room at an axis. */
export function shortCount(count: number): string {
  if (count >= 1_000_000) return `${trimmed(count / 1_000_000)} M`;
  if (count >= 1_000) return `${trimmed(count / 1_000)} k`;
  return trimmed(count);
}

function trimmed(value: number): string {
  return String(Number(value.toPrecision(3)));
}

const units = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1_024 && unit < units.length - 1) {
    value /= 1_024;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

export function percentText(share: number): string {
  if (share < 0.001) return share === 0 ? "0 %" : "<0.1 %";
  return `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
}

/** From milliseconds: `0.21 ms`, `34 ms`, `1.5 s`. */
export function latencyText(ms: number): string {
  if (ms >= 1_000) return `${trimmed(Math.round(ms / 10) / 100)} s`;
  return `${ms >= 10 ? Math.round(ms) : Number(ms.toPrecision(2))} ms`;
}

/** From milliseconds: `12 s`, `5 min`, `3 h`, `2 d`. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 36 * 3_600) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const clockMinutes = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

export function timeText(atMs: number): string {
  return clock.format(atMs);
}

export function minuteText(atMs: number): string {
  return clockMinutes.format(atMs);
}

/** `r0`, `r0 and r1`, `r0, r1 and r2`. */
export function listText(names: readonly string[]): string {
  if (names.length < 2) return names.join("");
  return `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

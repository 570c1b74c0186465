import type { World } from "../world/world.ts";

/** The clusters of a simulation are quick and their runs short: an operator's second is a tenth of theirs. */
const WORLD_MS_PER_SECOND = 100;
const EPOCH_MS = Date.UTC(2026, 0, 1);

/** As operators and resources tell the time: milliseconds since the epoch. */
export function operatorNowMs({ nowUs }: World): number {
  return EPOCH_MS + Math.floor(nowUs / WORLD_MS_PER_SECOND);
}

/** Microseconds of the world. */
export function usFromOperatorSeconds(seconds: number): number {
  return seconds * WORLD_MS_PER_SECOND * 1000;
}

export function usFromOperatorMs(ms: number): number {
  return usFromOperatorSeconds(ms / 1000);
}

import type { Random } from "../world/random.ts";

/** One of the keys, as often as its weight says. At least one weight must be above 0. */
export function pickWeighted<K extends string | number>(
  random: Random,
  weights: Readonly<Record<K, number>>,
): K {
  const entries = Object.entries(weights) as [K, number][];
  const total = entries.reduce((sum, [, weight]) => sum + weight, 0);
  let left = random.fraction() * total;
  for (const [key, weight] of entries) {
    left -= weight;
    if (left < 0) return key;
  }
  return entries.findLast(([, weight]) => weight > 0)![0];
}

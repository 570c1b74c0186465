import { readFileSync, writeFileSync } from "node:fs";
import type { Exhibit } from "./exhibit.ts";

const path = new URL("known-seeds.json", import.meta.url);

/** What caught a mutation when the table was written: a seed, and how many it took to find it. */
export interface KnownSeed {
  readonly seed: number;
  readonly seeds: number;
}

export type KnownSeeds = Readonly<Record<string, KnownSeed>>;

export function readKnownSeeds(): KnownSeeds {
  return JSON.parse(readFileSync(path, "utf8")) as KnownSeeds;
}

/** Mutations that were not tried keep what was known of them. */
export function writeKnownSeeds(exhibits: readonly Exhibit[]): void {
  writeFileSync(path, `${JSON.stringify(withExhibits(readKnownSeeds(), exhibits), undefined, 2)}\n`);
}

export function withExhibits(known: KnownSeeds, exhibits: readonly Exhibit[]): KnownSeeds {
  const all = new Map(Object.entries(known));
  for (const { mutation, caught } of exhibits) {
    if (caught.property === undefined) all.delete(mutation.name);
    else all.set(mutation.name, { seed: caught.seed, seeds: caught.seeds });
  }
  return Object.fromEntries([...all].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Tries so many more than it took before: code that moves on makes another run of each seed. */
const PATIENCE = 10;
const LEAST = 60;

/**
 * Which seeds a quick look tries, in order: what is known, then others; so many that a mutation which is
 * easily caught is, however slow the machine. undefined: it was never caught, so it can't be looked for so.
 */
export function quickSeeds(known: KnownSeed | undefined, firstSeed: number): number[] | undefined {
  if (known === undefined) return undefined;
  const most = Math.max(LEAST, known.seeds * PATIENCE);
  return [known.seed, ...Array.from({ length: most }, (_, i) => firstSeed + i)];
}

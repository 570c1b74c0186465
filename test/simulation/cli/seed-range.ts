import { createHash } from "node:crypto";

export interface SeedRange {
  readonly first: number;
  readonly last: number;
}

/** `7`, `1..2000`. Throws an Error that says what is expected. */
export function parseSeedRange(text: string): SeedRange {
  const match = /^(\d{1,15})(?:\.\.(\d{1,15}))?$/.exec(text.trim());
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (match === null || last < first) {
    throw new Error("give a seed or a range of seeds, the smaller first, such as 1..2000");
  }
  return { first, last };
}

/** Where the seeds of a text, such as a commit, begin: far from those of any other. */
export function firstSeedOf(text: string): number {
  return Number.parseInt(createHash("sha256").update(text).digest("hex").slice(0, 11), 16);
}

export function* seedsOf({ first, last }: SeedRange): Generator<number> {
  for (let seed = first; seed <= last; seed += 1) yield seed;
}

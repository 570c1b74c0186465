import { InvalidArgumentError } from "commander";

export function revisionFrom(text: string): bigint {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("Give a revision: a whole number.");
  return BigInt(text);
}

export function countFrom(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count === 0) throw new InvalidArgumentError("Give a whole number above 0.");
  return count;
}

/** `5s`, `300ms`, `2m`; a bare number is seconds. */
export function durationMsFrom(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text);
  const unitMs = { ms: 1, s: 1_000, m: 60_000 }[match?.[2] ?? "s"];
  const durationMs = match === null || unitMs === undefined ? 0 : Number(match[1]) * unitMs;
  if (durationMs <= 0) throw new InvalidArgumentError("Give a duration, such as 5s or 300ms.");
  return durationMs;
}

/** The end of a command's help. */
export function example(...lines: readonly string[]): string {
  return `\nExample:\n${lines.map((line) => `  $ ${line}`).join("\n")}`;
}

import { appendFileSync } from "node:fs";

const lines: string[] = [];

/** A number for the closing report; printed as it comes, and all together at the end. */
export function measured(what: string, value: string): void {
  const line = `${what}: ${value}`;
  lines.push(line);
  console.log(`measured  ${line}`);
  const file = process.env.RSTORE_CLUSTER_REPORT;
  if (file !== undefined) appendFileSync(file, `${line}\n`);
}

export function measurements(): readonly string[] {
  return lines;
}

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

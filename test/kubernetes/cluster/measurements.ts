import { appendFileSync } from "node:fs";
import { loadavg } from "node:os";

const lines: string[] = [];

/** A number for the closing report, with the load of this machine; printed as it comes, and together at the end. */
export function measured(what: string, value: string): void {
  const line = `${what}: ${value} (load ${loadavg()[0]?.toFixed(0)})`;
  lines.push(line);
  console.log(`measured  ${line}`);
  const file = process.env.RSTORE_CLUSTER_REPORT;
  if (file !== undefined) appendFileSync(file, `${line}\n`);
}

export function measurements(): readonly string[] {
  return lines;
}

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

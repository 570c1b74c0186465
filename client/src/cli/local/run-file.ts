import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { lockDirectory } from "@rstore/operator/platform/process/directory-lock";
import { LocalError } from "@rstore/operator/platform/process/local-error";

function runPath(folder: string): string {
  return join(folder, "run.json");
}

/**
 * The process that last ran a store here; undefined after a clean end. It says whom to signal, not whether
 * anybody runs: the lock says that.
 */
export function readRunPid(folder: string): number | undefined {
  try {
    const { pid } = JSON.parse(readFileSync(runPath(folder), "utf8")) as { pid: unknown };
    return typeof pid === "number" ? pid : undefined;
  } catch {
    return undefined;
  }
}

export function writeRunPid(folder: string): void {
  writeFileSync(runPath(folder), `${JSON.stringify({ pid: process.pid })}\n`);
}

export function removeRunPid(folder: string): void {
  rmSync(runPath(folder), { force: true });
}

export function isUnlocked(folder: string): boolean {
  try {
    lockDirectory(folder).release();
    return true;
  } catch (error) {
    if (error instanceof LocalError) return false;
    throw error;
  }
}

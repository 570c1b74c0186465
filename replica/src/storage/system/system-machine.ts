import type { Machine } from "../machine.types.ts";
import { lockDirectory } from "./directory-lock.ts";
import { LmdbEngine } from "./lmdb-engine.ts";
import { checkDataFile } from "./lmdb-file.ts";
import { systemFiles } from "./system-files.ts";

/** The machine that the process runs on. */
export const systemMachine: Machine = {
  files: systemFiles,
  openTables: (file, tables) => new LmdbEngine(file, tables),
  checkDataFile,
  lockDirectory,
};

export function systemAfter(delayMs: number, callback: () => void): () => void {
  const timer = setTimeout(callback, delayMs);
  return () => clearTimeout(timer);
}

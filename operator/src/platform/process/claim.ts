import { randomUUID } from "node:crypto";
import { mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { readFileIfThere, writeFileDurably } from "./durable-file.ts";

/** In a replica's data directory, beside what the replica keeps there: which directory this is. */
const claimFile = "claim";
const deletedPrefix = "deleted-";

/** The uid of a data directory; undefined: there is none. */
export function claimUid(dataDir: string): string | undefined {
  const text = readFileIfThere(join(dataDir, claimFile))?.trim();
  return text === "" ? undefined : text;
}

/** Leaves a directory that has a uid as it is. Returns the uid. */
export function makeClaim(dataDir: string): string {
  const present = claimUid(dataDir);
  if (present !== undefined) return present;
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const uid = randomUUID();
  writeFileDurably(join(dataDir, claimFile), `${uid}\n`);
  return uid;
}

/** Only if it is still that directory. A crash in the midst of it leaves nothing that looks like a disk. */
export function deleteClaim(dataDir: string, uid: string): void {
  if (claimUid(dataDir) !== uid) return;
  const aside = join(dirname(dataDir), `${deletedPrefix}${uid}`);
  renameSync(dataDir, aside);
  rmSync(aside, { recursive: true, force: true });
}

/** What deletions that were interrupted have left in the folder of the store. */
export function removeDeletedClaims(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (name.startsWith(deletedPrefix)) rmSync(join(folder, name), { recursive: true, force: true });
  }
}

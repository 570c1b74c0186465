import { dirname, join } from "node:path";
import { FatalError } from "../errors.ts";
import { diskReason } from "./io-error.ts";
import type { FileSystem } from "./machine.types.ts";

/** What lies where in a data directory. */
export interface Layout {
  readonly directory: string;
  readonly lock: string;
  readonly superblock: string;
  readonly raft: string;
  readonly raftFile: string;
  readonly store: string;
  readonly storeFile: string;
  /** Left behind when damage was found: the store is set aside at the next start. */
  readonly damageMark: string;
  /** Counts the starts since the store was last known to be whole. */
  readonly startsMark: string;
  readonly damagedStore: string;
  readonly snapshots: string;
  readonly incoming: string;
  /** Holds the id of a member whose data is being moved away, or `blank` when there is none to keep. */
  readonly resetMark: string;
  readonly reserve: string;
}

export function layoutOf(directory: string): Layout {
  const at = (...names: string[]): string => join(directory, ...names);
  return {
    directory,
    lock: at("lock"),
    superblock: at("superblock"),
    raft: at("raft"),
    raftFile: at("raft", "data.mdb"),
    store: at("store"),
    storeFile: at("store", "data.mdb"),
    damageMark: at("store", "damaged"),
    startsMark: at("store", "starts"),
    damagedStore: at("damaged-store"),
    snapshots: at("snapshots"),
    incoming: at("incoming"),
    resetMark: at("resetting"),
    reserve: at("reserve"),
  };
}

/** Renames and makes it durable in both folders (B9). */
export async function durableRename(files: FileSystem, from: string, to: string): Promise<void> {
  await files.rename(from, to);
  await files.syncFolder(dirname(to));
  if (dirname(from) !== dirname(to)) await files.syncFolder(dirname(from));
}

/** What the file system refuses, as the error that ends the process. */
export function unusable(directory: string, cause: unknown): FatalError {
  if (cause instanceof FatalError) return cause;
  const { message } = cause as Error;
  const reason = diskReason(cause) ?? "directoryUnusable";
  const hint =
    reason === "diskFull" ? "free some space" : "it must be a directory that this user may write to";
  return new FatalError(reason, `the data directory ${directory} cannot be used (${message}): ${hint}`, {
    cause,
  });
}

/** For a process that is about to end; if it fails, the damage is found again. */
export function markDamaged(files: FileSystem, layout: Layout, what: string): void {
  try {
    files.writeFileDurably(layout.damageMark, what);
  } catch {
    // Nothing better can be done on the way out.
  }
}

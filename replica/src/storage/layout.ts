import { closeSync, constants, fsyncSync, openSync, writeSync } from "node:fs";
import { access, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { FatalError, type FatalReason } from "../errors.ts";

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
  /** Holds the id of a member whose data is being moved away. */
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

export async function exists(path: string): Promise<boolean> {
  return access(path, constants.F_OK).then(
    () => true,
    () => false,
  );
}

/** Makes what was created, renamed or removed in a folder durable (B9). */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Renames and makes it durable in both folders. */
export async function durableRename(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncFolder(dirname(to));
  if (dirname(from) !== dirname(to)) await syncFolder(dirname(from));
}

export async function removeAll(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}

const reasons: Readonly<Record<string, FatalReason>> = {
  ENOSPC: "diskFull",
  EDQUOT: "diskFull",
  EIO: "diskFailed",
};

/** What the file system refuses, as the error that ends the process. */
export function unusable(directory: string, cause: unknown): FatalError {
  if (cause instanceof FatalError) return cause;
  const { code = "", message } = cause as NodeJS.ErrnoException;
  const reason = reasons[code] ?? "directoryUnusable";
  const hint =
    reason === "diskFull" ? "free some space" : "it must be a directory that this user may write to";
  return new FatalError(reason, `the data directory ${directory} cannot be used (${message}): ${hint}`, {
    cause,
  });
}

/** Synchronous, since the process is about to end; if it fails, the damage is found again. */
export function markDamaged(layout: Layout, what: string): void {
  try {
    const mark = openSync(layout.damageMark, "w", 0o600);
    writeSync(mark, what);
    fsyncSync(mark);
    closeSync(mark);
    const folder = openSync(dirname(layout.damageMark), "r");
    fsyncSync(folder);
    closeSync(folder);
  } catch {
    // Nothing better can be done on the way out.
  }
}

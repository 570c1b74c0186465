import { DatabaseSync } from "node:sqlite";
import { FatalError } from "../../errors.ts";

/**
 * Locks a file until the answer is called or the process dies, however it dies. SQLite's exclusive lock is a
 * lock of the operating system and is also seen within the process; Node has no flock, and a file that holds
 * a process id outlives the process.
 */
export function lockDirectory(file: string, directory: string): () => void {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file);
    // Nothing is ever written, no journal either: it must work on a full disk.
    database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; PRAGMA busy_timeout = 0;");
    database.exec("BEGIN EXCLUSIVE");
  } catch (cause) {
    database?.close();
    throw refusal(directory, cause as Error & { errcode?: number });
  }
  const held = database;
  return () => held.close();
}

/** SQLITE_BUSY and SQLITE_LOCKED. */
const heldCodes = new Set([5, 6]);

function refusal(directory: string, cause: Error & { errcode?: number }): FatalError {
  if (heldCodes.has((cause.errcode ?? 0) & 0xff)) {
    return new FatalError(
      "directoryLocked",
      `the data directory ${directory} is in use by another process: stop it, or give this replica a directory of its own`,
      { cause },
    );
  }
  return new FatalError(
    "directoryUnusable",
    `the data directory ${directory} cannot be locked: ${cause.message}. Is it writable?`,
    { cause },
  );
}

import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { LocalError } from "./local-error.ts";

export interface DirectoryLock {
  release(): void;
}

/**
 * At most one process holds a data folder. The lock is the operating system's on a file that SQLite keeps
 * open in exclusive mode, so it ends with the process, however that ends (Node has no flock).
 */
export function lockDirectory(dataDir: string): DirectoryLock {
  const database = new DatabaseSync(join(dataDir, "lock.db"));
  try {
    database.exec("PRAGMA busy_timeout = 0; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  } catch (cause) {
    database.close();
    const message = `a local cluster runs in ${dataDir} already: use it, end it with Ctrl-C or "rstore local down", or choose another folder with --data and other ports with --client-port, --peer-port and --metrics-port`;
    throw new LocalError(message, { cause });
  }
  return { release: () => database.close() };
}

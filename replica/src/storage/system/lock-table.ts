import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";

/** Of Linux: files in memory, in every container. */
const memory = "/dev/shm";

/**
 * Opens an environment with LMDB's lock table in memory. LMDB writes it through a mapping, also to read: on the
 * data's own disk, one that stands still would hold up the thread of the event loop (B12), and with it the probes,
 * the hand-over of leadership and the deadline. Nobody else opens the environment, as the lock of the directory
 * ensures, so the table needs no name that lasts. Where there is no such folder, it is beside the data.
 */
export function withLockTableInMemory<T>(file: string, open: () => T): T {
  const link = `${file}-lock`;
  rmSync(link, { force: true });
  const folder = memoryFolder();
  if (folder === undefined) return open();
  try {
    symlinkSync(join(folder, "table"), link);
    return open();
  } finally {
    rmSync(link, { force: true });
    rmSync(folder, { recursive: true, force: true });
  }
}

function memoryFolder(): string | undefined {
  try {
    return mkdtempSync(join(memory, "rstore-"));
  } catch {
    return undefined;
  }
}

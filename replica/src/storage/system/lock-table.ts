import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Of Linux: files in memory, in every container. */
const MEMORY = "/dev/shm";
/** More than LMDB's 126 readers need. */
const TABLE_BYTES = 16_384;

/**
 * Opens an environment with LMDB's lock table in memory. LMDB writes it through a mapping, also to read: on the
 * data's own disk, one that stands still would hold up the thread of the event loop (B12), and with it the probes,
 * the hand-over of leadership and the deadline. Nobody else opens the environment, as the lock of the directory
 * ensures, so the table needs no name that lasts. Where there is no such folder, or no room in it, it is beside the data.
 */
export function withLockTableInMemory<T>(file: string, open: () => T, memory = MEMORY): T {
  const link = `${file}-lock`;
  rmSync(link, { force: true });
  const folder = linkTable(link, memory);
  try {
    return open();
  } finally {
    if (folder !== undefined) {
      rmSync(link, { force: true });
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

/** Returns the folder of the table that the link leads to; undefined: there is neither. */
function linkTable(link: string, memory: string): string | undefined {
  let folder: string | undefined;
  try {
    folder = mkdtempSync(join(memory, "rstore-"));
    const table = join(folder, "table");
    // Every page is there before it is mapped: one that a full folder could not give would end the process (SIGBUS).
    writeFileSync(table, Buffer.alloc(TABLE_BYTES));
    symlinkSync(table, link);
    return folder;
  } catch {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    return undefined;
  }
}

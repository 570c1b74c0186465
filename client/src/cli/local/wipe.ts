import { existsSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { removeDeletedClaims } from "@rstore/operator/platform/process/claim";
import { lockDirectory } from "@rstore/operator/platform/process/directory-lock";
import { LocalError } from "@rstore/operator/platform/process/local-error";
import { storeFiles } from "@rstore/operator/platform/process/open-store";
import type { CliIo } from "../context.ts";

/** Deletes everything of the store in a folder; refused while it runs. Returns the folder. */
export function wipe(data: string, io: CliIo): string {
  const folder = resolve(io.cwd, data);
  const files = storeFiles(folder);
  if (!files.some((path) => existsSync(path))) {
    throw new LocalError(`there is no local cluster in ${folder}: name its folder with --data`);
  }
  const lock = lockDirectory(folder);
  try {
    // An earlier version counted from 1.
    for (let slot = 0; slot <= 9; slot++) {
      rmSync(join(folder, `replica-${slot}`), { recursive: true, force: true });
    }
    removeDeletedClaims(folder);
    for (const path of files) rmSync(path, { force: true });
  } finally {
    lock.release();
  }
  return folder;
}

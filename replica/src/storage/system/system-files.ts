import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import {
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  statfs,
  writeFile,
} from "node:fs/promises";
import { dirname } from "node:path";
import type { FileSystem, OpenFile } from "../machine.types.ts";

/** What a replica writes is for its own user only. */
const fileMode = 0o600;
const folderMode = 0o700;

class SystemFile implements OpenFile {
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async read(into: Uint8Array, length: number, position: number): Promise<number> {
    const { bytesRead } = await this.#handle.read(into, 0, length, position);
    return bytesRead;
  }

  async write(data: Uint8Array, position: number): Promise<void> {
    // On a disk that fills up a write may take a part only, and the rest then fails.
    for (let at = 0; at < data.byteLength; ) {
      const { bytesWritten } = await this.#handle.write(data, at, data.byteLength - at, position + at);
      at += bytesWritten;
    }
  }

  sync(): Promise<void> {
    return this.#handle.datasync();
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

export const systemFiles: FileSystem = {
  makeFolder: (path) => mkdir(path, { recursive: true, mode: folderMode }),
  list: (path) => readdir(path),
  stat: async (path) => {
    const found = await unlessMissing(stat(path));
    return found && { sizeBytes: found.size, isFolder: found.isDirectory() };
  },
  readFile: (path) => unlessMissing(readFile(path)),
  writeFile: (path, data) => writeFile(path, data, { mode: fileMode }),
  open: async (path, mode) => new SystemFile(await open(path, mode, fileMode)),
  rename,
  remove: (path) => rm(path, { recursive: true, force: true }),
  async syncFolder(path) {
    const folder = await open(path, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  },
  async space(path) {
    const { bavail, blocks, bsize } = await statfs(path);
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  },
  writeFileDurably(path, data) {
    const file = openSync(path, "w", fileMode);
    writeSync(file, data);
    fsyncSync(file);
    closeSync(file);
    const folder = openSync(dirname(path), "r");
    fsyncSync(folder);
    closeSync(folder);
  },
};

async function unlessMissing<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

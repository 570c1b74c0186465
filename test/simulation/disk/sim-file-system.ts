import type { FileSystem, OpenFile } from "@rstore/replica/storage/machine.types";
import type { Life } from "../cluster/types.ts";
import { type DiskCalls, never, ProcessIsOver } from "./disk-calls.ts";
import type { DiskState } from "./disk-state.ts";
import { FileSystemError, SimFolder } from "./folder-tree.ts";
import { SimFile } from "./sim-file.ts";
import { transferUs } from "./sim-table-engine.ts";
import type { DiskPart } from "./types.ts";

export interface FileSystemParts {
  readonly life: Life;
  readonly calls: DiskCalls;
  readonly state: DiskState;
  /** Before each call; false: the process is over. */
  readonly enter: () => boolean;
  /** After what is durable has changed. */
  readonly changed: () => void;
}

/** The calls of node:fs on the simulated disk, for one life. */
export class SimFileSystem implements FileSystem {
  readonly #parts: FileSystemParts;

  constructor(parts: FileSystemParts) {
    this.#parts = parts;
  }

  makeFolder(path: string): Promise<string | undefined> {
    return this.#call(({ tree }) => {
      let first: string | undefined;
      const names = path.split("/").filter((name) => name !== "");
      names.forEach((_, i) => {
        const at = `/${names.slice(0, i + 1).join("/")}`;
        if (tree.find(at) !== undefined) return;
        tree.create(at, new SimFolder());
        first ??= at;
      });
      tree.folder(path);
      return first;
    });
  }

  list(path: string): Promise<string[]> {
    return this.#call(({ tree }) => [...tree.folder(path).seen.keys()].sort());
  }

  stat(path: string): Promise<{ sizeBytes: number; isFolder: boolean } | undefined> {
    return this.#call(({ tree }) => {
      const node = tree.find(path);
      if (node === undefined) return undefined;
      if (node instanceof SimFolder) return { sizeBytes: 4096, isFolder: true };
      return { sizeBytes: node.size, isFolder: false };
    });
  }

  readFile(path: string): Promise<Buffer | undefined> {
    return this.#call((state) => {
      if (state.tree.find(path) === undefined) return undefined;
      const file = state.tree.file(path);
      state.checkRead(state.partOf(path));
      return Buffer.from(file.contents());
    });
  }

  writeFile(path: string, data: string | Uint8Array): Promise<void> {
    return this.#call((state) => {
      const file = openFile(state, path, "w");
      writeWithinRoom(state, file, 0, Buffer.from(data as Uint8Array));
    });
  }

  open(path: string, mode: "r" | "r+" | "w"): Promise<OpenFile> {
    return this.#call((state) => {
      const file = openFile(state, path, mode);
      return new SimOpenFile(this.#parts, { file, part: state.partOf(path), writable: mode !== "r" });
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.#call(({ tree }) => tree.rename(from, to));
  }

  remove(path: string): Promise<void> {
    return this.#call(({ tree }) => tree.remove(path));
  }

  syncFolder(path: string): Promise<void> {
    const { life, calls, state, enter, changed } = this.#parts;
    if (!enter()) return never;
    const { tree } = state;
    const folder = tree.find(path);
    const captured = folder instanceof SimFolder ? tree.capture(folder) : undefined;
    return calls.flush(life, () => {
      if (captured === undefined)
        throw new FileSystemError("ENOENT", `no such file or directory, open '${path}'`);
      if (state.takeFlushFault(state.partOf(path))) throw new FileSystemError("EIO", "i/o error, fsync");
      tree.settle(captured);
      changed();
    });
  }

  space(path: string): Promise<{ freeBytes: number; totalBytes: number }> {
    return this.#call((state) => {
      if (state.tree.find(path) === undefined) {
        throw new FileSystemError("ENOENT", `no such file or directory, statfs '${path}'`);
      }
      return state.space();
    });
  }

  writeFileDurably(path: string, data: string): void {
    const { state, enter, changed } = this.#parts;
    if (!enter()) throw new ProcessIsOver();
    const file = openFile(state, path, "w");
    writeWithinRoom(state, file, 0, Buffer.from(data));
    file.flushed();
    state.tree.settle(state.tree.capture(state.tree.folder(path.slice(0, path.lastIndexOf("/")))));
    changed();
  }

  #call<T>(effect: (state: DiskState) => T): Promise<T> {
    const { life, calls, state, enter } = this.#parts;
    if (!enter()) return never;
    return calls.call(life, () => effect(state));
  }
}

function openFile({ tree }: DiskState, path: string, mode: "r" | "r+" | "w"): SimFile {
  if (mode === "w" && tree.find(path) === undefined) {
    tree.create(path, new SimFile());
    return tree.file(path);
  }
  const file = tree.file(path);
  if (mode === "w" && file.size > 0) file.truncate(0);
  return file;
}

/** As much as there is room for; then ENOSPC. */
function writeWithinRoom(state: DiskState, file: SimFile, at: number, data: Buffer): void {
  const grows = Math.max(0, at + data.byteLength - file.size);
  const missing = grows - state.room(grows);
  file.write(at, data.subarray(0, data.byteLength - missing));
  if (missing > 0) throw new FileSystemError("ENOSPC", "no space left on device, write");
}

interface Opened {
  readonly file: SimFile;
  readonly part: DiskPart | undefined;
  readonly writable: boolean;
}

class SimOpenFile implements OpenFile {
  readonly #parts: FileSystemParts;
  readonly #opened: Opened;
  #closed = false;

  constructor(parts: FileSystemParts, opened: Opened) {
    this.#parts = parts;
    this.#opened = opened;
  }

  read(into: Uint8Array, length: number, position: number): Promise<number> {
    return this.#call((state) => {
      state.checkRead(this.#opened.part);
      return this.#opened.file.read(into, length, position);
    });
  }

  write(data: Uint8Array, position: number): Promise<void> {
    const copy = Buffer.from(data);
    return this.#call((state) => {
      if (!this.#opened.writable) throw new FileSystemError("EBADF", "bad file descriptor, write");
      writeWithinRoom(state, this.#opened.file, position, copy);
    });
  }

  sync(): Promise<void> {
    const { life, calls, state, enter, changed } = this.#parts;
    if (!enter()) return never;
    const { file, part } = this.#opened;
    this.#checkOpen();
    const captured = file.beginFlush();
    const flush = (): void => {
      if (state.takeFlushFault(part)) {
        file.flushFailed(captured);
        throw new FileSystemError("EIO", "i/o error, fdatasync");
      }
      file.flushed(captured);
      changed();
    };
    return calls.flush(life, flush, transferUs(file.size));
  }

  close(): Promise<void> {
    return this.#call(() => {
      this.#closed = true;
    });
  }

  #call<T>(effect: (state: DiskState) => T): Promise<T> {
    const { life, calls, state, enter } = this.#parts;
    if (!enter()) return never;
    this.#checkOpen();
    return calls.call(life, () => effect(state));
  }

  #checkOpen(): void {
    if (this.#closed) throw new FileSystemError("EBADF", "bad file descriptor");
  }
}

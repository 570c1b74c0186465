/**
 * The machine below storage: files, tables in files, locks. A
 * simulation hands in its own, with a disk that forgets what was not flushed.
 */
export interface Machine {
  readonly files: FileSystem;
  /**
   * Opens the tables of a data file, making it when it is missing. The file may be renamed while it is open.
   * Throws what LMDB throws: the `code` of an error is an errno, or negative for one of its own (-30796:
   * damaged), here and in all that reads or commits.
   */
  openTables(file: string, tables: readonly string[]): TableEngine;
  /** Flushes what a crash left of a data file, and says whether it can be trusted to be mapped. */
  checkDataFile(file: string, options: { readonly walk: boolean }): FileCheck | Promise<FileCheck>;
  /** Nobody else gets it until the answer is called or the process dies. Throws FatalError directoryLocked. */
  lockDirectory(file: string, directory: string): () => void;
}

export type FileCheck =
  | { readonly kind: "missing" }
  /** Created, and nothing was ever committed. */
  | { readonly kind: "empty" }
  | { readonly kind: "good" }
  | { readonly kind: "damaged"; readonly what: string };

/**
 * The calls of node:fs that storage needs; errors carry `code` as there. Paths are absolute. Only what a
 * `sync` covers is durable: a file's bytes by its own, names in a folder by the folder's.
 */
export interface FileSystem {
  /** With what is missing above it; answers the first folder that was made. */
  makeFolder(path: string): Promise<string | undefined>;
  list(path: string): Promise<string[]>;
  /** undefined: it is not there. */
  stat(path: string): Promise<{ readonly sizeBytes: number; readonly isFolder: boolean } | undefined>;
  /** undefined: it is not there. */
  readFile(path: string): Promise<Buffer | undefined>;
  /** Not flushed. */
  writeFile(path: string, data: string | Uint8Array): Promise<void>;
  /** `r`: read; `r+`: read and write what is there; `w`: write, from empty. */
  open(path: string, mode: "r" | "r+" | "w"): Promise<OpenFile>;
  rename(from: string, to: string): Promise<void>;
  /** A file, or a folder with everything in it; nothing when it is not there. */
  remove(path: string): Promise<void>;
  syncFolder(path: string): Promise<void>;
  space(path: string): Promise<{ readonly freeBytes: number; readonly totalBytes: number }>;
  /** Written and flushed with its folder before it returns, for a process about to end. */
  writeFileDurably(path: string, data: string): void;
}

export interface OpenFile {
  /** Bytes read; fewer than asked at the end of the file. */
  read(into: Uint8Array, length: number, position: number): Promise<number>;
  write(data: Uint8Array, position: number): Promise<void>;
  /** Flushes the file's bytes and size. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Tables of raw bytes in one file, ordered bytewise, changed by atomic, durable transactions. */
export interface TableEngine {
  table(name: string): EngineTable;
  /**
   * One transaction of what `write` puts and removes, in order; settles when it is on disk, or failed. `write` is
   * called at once, sees what was there before, and must not throw. Two at a time are a bug.
   */
  batch(write: () => void): Promise<void>;
  /** What is there now, for as long as it is held. */
  view(): EngineView;
  usage(): { readonly usedBytes: number; readonly fileBytes: number };
  /** A compacted copy of the newest commit, in a file that must not exist. Not flushed. */
  copyTo(file: string): Promise<void>;
  /** No commit is under way, no view is open. */
  close(): Promise<void>;
}

export interface EngineView {
  close(): void;
}

export interface EngineRange {
  /** First key, inclusive; with `reverse` the lower bound still. undefined: from the first. */
  readonly start?: Uint8Array;
  /** Exclusive upper bound. undefined: to the last. */
  readonly end?: Uint8Array;
  readonly reverse?: boolean;
  readonly limit?: number;
}

/** Without a view reads see the newest commit. Bytes that are answered are the caller's. */
export interface EngineTable {
  readonly entryCount: number;
  get(key: Uint8Array, view?: EngineView): Buffer | undefined;
  range(range: EngineRange, view?: EngineView): IterableIterator<readonly [Buffer, Buffer]>;
  /** This and what follows: within `batch` only. */
  put(key: Uint8Array, value: Uint8Array): void;
  remove(key: Uint8Array): void;
  /** Removes everything; what is put after it stays. */
  clear(): void;
}

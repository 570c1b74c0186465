import type { DiskFaults } from "./disk-faults.ts";
import { FileSystemError, FolderTree } from "./folder-tree.ts";
import { SimFile } from "./sim-file.ts";
import type { DiskPart } from "./types.ts";

/** Where the data directory lies on a disk. */
export const dataDirectory = "/data";

/** As large as no test needs it, as small as keeps a reserve that is a part of it small. */
const totalBytes = 1024 ** 3;

type FaultCounter = "disk.full" | "disk.read-failed" | "disk.write-failed";

/** What every process on a disk works on. */
export class DiskState {
  tree = new FolderTree();
  readonly faults: DiskFaults;
  /** A flush failed, and memory says what the disk does not: gone with the next crash. */
  hasBrokenFile = false;
  readonly #count: (counter: FaultCounter) => void;
  #limitBytes = totalBytes;

  constructor(faults: DiskFaults, count: (counter: FaultCounter) => void) {
    this.faults = faults;
    this.#count = count;
  }

  setFreeBytes(bytes: number | undefined): void {
    this.#limitBytes = bytes === undefined ? totalBytes : this.tree.usedBytes() + bytes;
    if (this.isLimited) this.faults.full();
  }

  space(): { freeBytes: number; totalBytes: number } {
    return { freeBytes: Math.max(0, this.#limitBytes - this.tree.usedBytes()), totalBytes };
  }

  get isLimited(): boolean {
    return this.#limitBytes !== totalBytes;
  }

  /** How many of these bytes there is room for. */
  room(bytes: number): number {
    if (!this.isLimited) return bytes;
    const { freeBytes } = this.space();
    if (bytes <= freeBytes) return bytes;
    this.#count("disk.full");
    return freeBytes;
  }

  partOf(path: string): DiskPart | undefined {
    const [, , first] = path.split("/");
    if (!path.startsWith(`${dataDirectory}/`)) return undefined;
    if (first === "snapshots" || first === "incoming") return "snapshot";
    return first === "raft" || first === "store" || first === "superblock" ? first : undefined;
  }

  /** A received snapshot becomes the store while it is open. */
  partOfTables(file: SimFile, path: string): DiskPart | undefined {
    if (this.tree.find(`${dataDirectory}/store/data.mdb`) === file) return "store";
    return this.partOf(path);
  }

  /** Throws EIO if a read of that part is to fail. */
  checkRead(part: DiskPart | undefined): void {
    if (!this.faults.takeRead(part)) return;
    this.#count("disk.read-failed");
    throw new FileSystemError("EIO", "i/o error, read");
  }

  /** Whether the flush that ends now is to fail. */
  takeFlushFault(part: DiskPart | undefined): boolean {
    const fails = this.faults.takeFlush(part);
    if (fails) this.#count("disk.write-failed");
    // Whose write fails on a disk that is almost full says that it is full.
    if (fails && this.isLimited) this.faults.full();
    this.hasBrokenFile ||= fails;
    return fails;
  }

  /** Files of a part, as they are found by name. */
  filesOf(part: DiskPart): SimFile[] {
    const paths = {
      raft: ["raft/data.mdb"],
      store: ["store/data.mdb"],
      superblock: ["superblock"],
      snapshot: ["incoming/data.mdb", ...this.#snapshotPaths()],
    }[part];
    return paths
      .map((path) => this.tree.find(`${dataDirectory}/${path}`))
      .filter((node): node is SimFile => node instanceof SimFile);
  }

  #snapshotPaths(): string[] {
    const folder = this.tree.find(`${dataDirectory}/snapshots`);
    if (folder === undefined || folder instanceof SimFile) return [];
    return [...folder.seen.keys()].map((name) => `snapshots/${name}/data.mdb`);
  }
}

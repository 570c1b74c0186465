import { dirname } from "node:path";
import { FatalError } from "../errors.ts";
import type { FileSystem, Machine, OpenFile } from "./machine.types.ts";
import { systemMachine } from "./system/system-machine.ts";
import type { StorageFaults, StorageUsage } from "./types.ts";

const mebibyte = 1024 * 1024;

/** What LMDB needs at the least to commit what gets it out of a full disk. */
const startMinFreeBytes = 4 * mebibyte;

/**
 * `ok`: everything is let in. `low`: the quota is reached or the disk runs out; puts are refused, while
 * deletes, compaction and changes of membership are let in, which is the way out. `full`: the disk is about
 * to refuse writes; the reserve was given up, and a leader must hand over before it cannot append (B11).
 */
export type DiskState = "ok" | "low" | "full";

export interface DiskReport {
  readonly state: DiskState;
  readonly reason: "quota" | "disk" | undefined;
  readonly freeBytes: number;
  readonly totalBytes: number;
  readonly usedBytes: number;
  readonly hasReserve: boolean;
}

export interface DiskSpaceOptions {
  /** Any path on the file system that is watched. */
  readonly directory: string;
  readonly reserveFile: string;
  /** The reserve is never more than a twentieth of the disk. */
  readonly reserveMaxBytes: number;
  /** Pages of the store in use, beyond which puts are refused. */
  readonly quotaBytes: number;
  readonly usage: () => StorageUsage;
  /** Default: the system's. */
  readonly machine?: Machine;
  readonly faults?: StorageFaults;
}

interface Space {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

export async function measureSpace(
  files: FileSystem,
  path: string,
  faults: StorageFaults = {},
): Promise<Space> {
  if (faults.statfs) return faults.statfs(path);
  return files.space(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== "ENOENT") throw cause;
    const message = `${path} is gone: something deleted or unmounted it while the replica ran; what it held is lost, so add the replica as a new member`;
    throw new FatalError("directoryUnusable", message, { cause });
  });
}

/**
 * Watches the disk. `check` is called by the runtime about once a second and after every large commit; it
 * never overlaps itself.
 */
export class DiskSpace {
  readonly #options: DiskSpaceOptions;
  readonly #files: FileSystem;
  #report: DiskReport;
  #byDisk: DiskState = "ok";
  #checking: Promise<DiskReport> | undefined;

  constructor(options: DiskSpaceOptions) {
    this.#options = options;
    this.#files = (options.machine ?? systemMachine).files;
    const usedBytes = options.usage().usedBytes;
    const none = { freeBytes: 0, totalBytes: 0, usedBytes, hasReserve: false };
    this.#report = { state: "ok", reason: undefined, ...none };
  }

  get report(): DiskReport {
    return this.#report;
  }

  check(): Promise<DiskReport> {
    this.#checking ??= this.#check().finally(() => {
      this.#checking = undefined;
    });
    return this.#checking;
  }

  async #check(): Promise<DiskReport> {
    const { directory, faults, reserveFile, usage, quotaBytes } = this.#options;
    const space = await measureSpace(this.#files, directory, faults);
    const { usedBytes } = usage();
    const reserveBytes = this.#reserveBytes(space);
    let hasReserve = await isReserved(this.#files, reserveFile, reserveBytes);
    const lowBytes = 2 * reserveBytes + 16 * mebibyteOf(space);
    const limits = { fullBytes: reserveBytes / 2, lowBytes, spareBytes: reserveBytes / 2 };
    const byDisk = nextState(this.#byDisk, space.freeBytes, limits);
    this.#byDisk = byDisk;
    const byQuota = usedBytes >= quotaBytes ? "low" : "ok";
    if (byDisk === "full" && hasReserve) {
      await releaseReserve(this.#files, reserveFile);
      hasReserve = false;
    }
    if (byDisk !== "full" && !hasReserve && space.freeBytes > reserveBytes + lowBytes) {
      hasReserve = await makeReserve(this.#files, reserveFile, reserveBytes);
    }
    const state = byDisk === "ok" ? byQuota : byDisk;
    const reason = state === "ok" ? undefined : byDisk === "ok" ? "quota" : "disk";
    this.#report = { state, reason, ...space, usedBytes, hasReserve };
    return this.#report;
  }

  #reserveBytes({ totalBytes }: Space): number {
    return Math.min(this.#options.reserveMaxBytes, Math.floor(totalBytes / 20));
  }
}

/** One MiB, less on a disk so small that it would be a large part of it. */
function mebibyteOf({ totalBytes }: Space): number {
  return Math.min(mebibyte, totalBytes / 1024);
}

interface StateLimits {
  readonly fullBytes: number;
  readonly lowBytes: number;
  readonly spareBytes: number;
}

const severity: Record<DiskState, number> = { ok: 0, low: 1, full: 2 };

/** Worse at once; better only with room to spare, or it would flap. */
function nextState(last: DiskState, freeBytes: number, limits: StateLimits): DiskState {
  const now = diskState(freeBytes, limits);
  if (severity[now] >= severity[last]) return now;
  const careful = diskState(freeBytes - limits.spareBytes, limits);
  return severity[careful] < severity[last] ? careful : last;
}

function diskState(freeBytes: number, { fullBytes, lowBytes }: StateLimits): DiskState {
  if (freeBytes < fullBytes) return "full";
  return freeBytes < lowBytes ? "low" : "ok";
}

async function isReserved(files: FileSystem, path: string, bytes: number): Promise<boolean> {
  return files.stat(path).then(
    (found) => found !== undefined && found.sizeBytes >= bytes && bytes > 0,
    () => false,
  );
}

/** Writes real blocks: a sparse file would reserve nothing. False when there is no room after all. */
async function makeReserve(files: FileSystem, path: string, bytes: number): Promise<boolean> {
  if (bytes === 0) return false;
  let file: OpenFile | undefined;
  try {
    file = await files.open(path, "w");
    const block = Buffer.alloc(Math.min(mebibyte, bytes));
    for (let at = 0; at < bytes; at += block.byteLength) {
      await file.write(block.subarray(0, Math.min(block.byteLength, bytes - at)), at);
    }
    await file.sync();
    await file.close();
    return true;
  } catch {
    await file?.close().catch(() => undefined);
    await files.remove(path);
    return false;
  }
}

async function releaseReserve(files: FileSystem, path: string): Promise<void> {
  await files.remove(path);
  await files.syncFolder(dirname(path));
}

/** At start: a full disk would refuse the first transaction already. */
export async function releaseReserveIfFull(
  files: FileSystem,
  path: string,
  faults?: StorageFaults,
): Promise<boolean> {
  if (!(await isReserved(files, path, 1))) return false;
  const { freeBytes } = await measureSpace(files, dirname(path), faults);
  if (freeBytes >= startMinFreeBytes) return false;
  await releaseReserve(files, path);
  return true;
}

import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { FatalError } from "../errors.ts";
import { DiskSpace } from "./disk-space.ts";
import type { KvWrite } from "./kv-backend.types.ts";
import {
  appliedWrites,
  clusterId,
  entriesOf,
  hardState,
  openTest,
  put,
  removeFolder,
  temporaryFolder,
} from "./testing/fixtures.ts";
import type { DataDirectory } from "./types.ts";

const mebibyte = 1024 * 1024;
const diskBytes = 48 * mebibyte;
let scratch: string | undefined;
let mounted = false;
const opened: DataDirectory[] = [];

afterEach(async () => {
  for (const directory of opened.splice(0)) await directory.close();
  if (!scratch) return;
  if (mounted) execFileSync("umount", [join(scratch, "disk")]);
  mounted = false;
  removeFolder(scratch);
});

/** A small ext4 in a file, really mounted; undefined without the right to mount. */
function mountSmallDisk(): string | undefined {
  scratch = temporaryFolder();
  const image = join(scratch, "image");
  const disk = join(scratch, "disk");
  writeFileSync(image, "");
  truncateSync(image, diskBytes);
  mkdirSync(disk);
  try {
    execFileSync("mkfs.ext4", ["-q", "-F", "-m", "0", image], { stdio: "ignore" });
    execFileSync("mount", ["-o", "loop", image, disk], { stdio: "ignore" });
  } catch {
    return undefined;
  }
  mounted = true;
  return join(disk, "data");
}

const skipped = "NOT RUN: a really full disk needs root, mkfs.ext4 and a loop device";

async function open(path: string, fatal: FatalError[] = []): Promise<DataDirectory> {
  const directory = await openTest(path, { fatal });
  opened.push(directory);
  return directory;
}

function watch(directory: DataDirectory): DiskSpace {
  return new DiskSpace({
    directory: directory.path,
    reserveFile: join(directory.path, "reserve"),
    reserveMaxBytes: 64 * mebibyte,
    quotaBytes: 1024 * mebibyte,
    usage: () => directory.store.usage(),
  });
}

function batch(index: number): KvWrite[] {
  const writes = Array.from({ length: 100 }, (_, i) => put(`k${index}-${i}`, Buffer.alloc(2000, index)));
  return appliedWrites(index, 1, clusterId, writes);
}

async function fillStore(directory: DataDirectory): Promise<number> {
  for (let index = 1; ; index++) {
    try {
      await directory.store.commit(batch(index));
    } catch {
      return index - 1;
    }
    if (index > 1000) throw new Error("the disk does not fill");
  }
}

describe("a disk that is really full", () => {
  it("ends with diskFull when the store fills it; what was durable is there afterwards (B11)", async ({
    skip,
  }) => {
    const path = mountSmallDisk();
    if (!path) return skip(skipped);
    const fatal: FatalError[] = [];
    const directory = await open(path, fatal);
    await directory.stampCluster(clusterId);
    const last = await fillStore(directory);
    expect(last).toBeGreaterThan(50);
    expect(fatal.map((e) => [e.reason, e.exitCode])).toEqual([["diskFull", 76]]);
    await expect(directory.log.append({ hardState: undefined, entries: entriesOf(1, 1) })).rejects.toThrow(
      "full",
    );
    await directory.close();
    // Nothing was freed: the transaction that failed left its pages behind as room for the start.
    const after = await open(path);
    expect(after.log.initialState().appliedIndex).toBe(BigInt(last));
    for (let index = 1; index <= last; index++) {
      const value = after.store.get("cur", Buffer.from(`k${index}-99`))!;
      expect(Buffer.compare(value, Buffer.alloc(2000, index))).toBe(0);
    }
    await after.close();
  });

  it("ends with diskFull when the log fills it; what was acknowledged is there afterwards (B11)", async ({
    skip,
  }) => {
    const path = mountSmallDisk();
    if (!path) return skip(skipped);
    const fatal: FatalError[] = [];
    const directory = await open(path, fatal);
    await directory.stampCluster(clusterId);
    let last = 0;
    for (let failed = false; !failed; ) {
      const entries = entriesOf(last + 1, last + 10, 1, 20_000);
      await directory.log.append({ hardState: hardState(1, 7n, last), entries }).then(
        () => {
          last += 10;
        },
        () => {
          failed = true;
        },
      );
    }
    expect(fatal.map((e) => e.reason)).toEqual(["diskFull"]);
    expect(last).toBeGreaterThan(500);
    await directory.close();
    const { log } = await open(path);
    expect(Number(log.lastIndex())).toBe(last);
    expect(log.entries(BigInt(last), BigInt(last + 1), 1)[0]!.data.byteLength).toBe(20_000);
  });

  it("is seen coming, and the reserve gets the store out of it by deletes and compaction (B11)", async ({
    skip,
  }) => {
    const path = mountSmallDisk();
    if (!path) return skip(skipped);
    const fatal: FatalError[] = [];
    const directory = await open(path, fatal);
    await directory.stampCluster(clusterId);
    const disk = watch(directory);
    expect(await disk.check()).toMatchObject({ state: "ok", hasReserve: true });
    let index = 0;
    let state: string = "ok";
    for (; state === "ok"; { state } = await disk.check()) await directory.store.commit(batch(++index));
    expect(disk.report).toMatchObject({ state: "low", reason: "disk", hasReserve: true });
    // Something else on the disk takes what is left.
    const other = join(path, "..", "other");
    fillWith(other);
    expect(await disk.check()).toMatchObject({ state: "full", hasReserve: false });
    for (let i = 1; i <= index; i++) {
      const deletes = batch(i).map(({ table, key }) => ({ table, key, value: undefined }));
      await directory.store.commit([...deletes.slice(1), ...appliedWrites(index + i, 1, clusterId)]);
    }
    expect(fatal).toEqual([]);
    expect(directory.store.usage().usedBytes).toBeLessThan(mebibyte);
    rmSync(other);
    expect(await disk.check()).toMatchObject({ state: "ok" });
    await directory.close();
  });

  function fillWith(file: string): void {
    try {
      execFileSync("dd", ["if=/dev/zero", `of=${file}`, "bs=64k"], { stdio: "ignore" });
    } catch {
      // dd ends with an error when the disk is full: that is what it is for.
    }
  }

  it("refuses a snapshot that would not fit, and goes on (B11)", async ({ skip }) => {
    const path = mountSmallDisk();
    if (!path) return skip(skipped);
    const directory = await open(path);
    await directory.stampCluster(clusterId);
    for (let index = 1; directory.store.usage().usedBytes < 14 * mebibyte; index++) {
      await directory.store.commit(batch(index));
    }
    await expect(directory.snapshots.create()).rejects.toMatchObject({ code: "noSpace" });
    await directory.store.commit([put("after", "1")]);
    await directory.close();
  });
});

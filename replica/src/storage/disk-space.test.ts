import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DiskSpace, releaseReserveIfFull } from "./disk-space.ts";
import { systemFiles } from "./system/system-files.ts";
import { removeFolder, temporaryFolder } from "./testing/fixtures.ts";

const mebibyte = 1024 * 1024;
const reserveMaxBytes = 4 * mebibyte;
let folder: string;
let freeBytes: number;
let usedBytes: number;
let totalBytes: number;

beforeEach(() => {
  folder = temporaryFolder();
  freeBytes = 10_000 * mebibyte;
  totalBytes = 20_000 * mebibyte;
  usedBytes = 0;
});

afterEach(() => removeFolder(folder));

const reserveFile = (): string => join(folder, "reserve");

function watch(): DiskSpace {
  return new DiskSpace({
    directory: folder,
    reserveFile: reserveFile(),
    reserveMaxBytes,
    quotaBytes: 100 * mebibyte,
    usage: () => ({ usedBytes, fileBytes: 2 * usedBytes }),
    faults: { statfs: async () => ({ freeBytes, totalBytes }) },
  });
}

describe("the state of the disk", () => {
  it("is low when used pages, not the file, reach the quota (B11)", async () => {
    const disk = watch();
    usedBytes = 99 * mebibyte;
    expect(await disk.check()).toMatchObject({ state: "ok", usedBytes });
    usedBytes = 100 * mebibyte;
    expect(await disk.check()).toMatchObject({ state: "low", reason: "quota" });
    usedBytes = 50 * mebibyte;
    expect(await disk.check()).toMatchObject({ state: "ok", reason: undefined });
  });

  it("is low, then full, as the disk runs out, and clears by itself, with room to spare (B11)", async () => {
    const disk = watch();
    const states: string[] = [];
    // With a reserve of 4 MiB: low below 24 MiB, full below 2 MiB.
    for (const mebibytes of [100, 24, 23, 10, 3, 1, 3, 5, 25, 26.5, 100]) {
      freeBytes = mebibytes * mebibyte;
      states.push((await disk.check()).state);
    }
    expect(states).toEqual(["ok", "ok", "low", "low", "low", "full", "full", "low", "low", "ok", "ok"]);
  });

  it("is told of the disk before the quota", async () => {
    const disk = watch();
    freeBytes = mebibyte;
    usedBytes = 200 * mebibyte;
    expect(await disk.check()).toMatchObject({ state: "full", reason: "disk" });
  });
});

describe("the reserve", () => {
  it("takes real blocks, is given up when the disk is full, and made again when there is room (B11)", async () => {
    const disk = watch();
    expect(await disk.check()).toMatchObject({ hasReserve: true });
    const { size, blocks } = statSync(reserveFile());
    expect(size).toBe(reserveMaxBytes);
    expect(blocks * 512).toBeGreaterThanOrEqual(reserveMaxBytes);
    freeBytes = mebibyte;
    expect(await disk.check()).toMatchObject({ state: "full", hasReserve: false });
    expect(existsSync(reserveFile())).toBe(false);
    freeBytes = 27 * mebibyte;
    expect(await disk.check()).toMatchObject({ state: "ok", hasReserve: false });
    freeBytes = 40 * mebibyte;
    expect(await disk.check()).toMatchObject({ state: "ok", hasReserve: true });
  });

  it("is at most a twentieth of a small disk", async () => {
    totalBytes = 40 * mebibyte;
    freeBytes = 30 * mebibyte;
    expect(await watch().check()).toMatchObject({ state: "ok", hasReserve: true });
    expect(statSync(reserveFile()).size).toBe(2 * mebibyte);
  });

  it("is given up at start when the first transaction would not fit", async () => {
    await watch().check();
    const faults = { statfs: async () => ({ freeBytes, totalBytes }) };
    expect(await releaseReserveIfFull(systemFiles, reserveFile(), faults)).toBe(false);
    freeBytes = mebibyte;
    expect(await releaseReserveIfFull(systemFiles, reserveFile(), faults)).toBe(true);
    expect(await releaseReserveIfFull(systemFiles, reserveFile(), faults)).toBe(false);
    expect(existsSync(reserveFile())).toBe(false);
  });
});

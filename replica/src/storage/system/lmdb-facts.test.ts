import { spawnSync } from "node:child_process";
import { mkdirSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { open, type RootDatabase } from "lmdb";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { removeFolder, temporaryFolder } from "../testing/fixtures.ts";
import { overwrite } from "../testing/overwrite.ts";

/**
 * What this storage relies on, or is built around, in lmdb 3.5.6. A new version of lmdb that fails here must be
 * looked at before it is taken: docs/adr/0002-lmdb.md says what each fact is for.
 */

let folder: string;
let root: RootDatabase<Buffer, Uint8Array>;
const file = (): string => join(folder, "data.mdb");
const key = (i: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(i));
  return bytes;
};

function openRaw(options: object = {}): RootDatabase<Buffer, Uint8Array> {
  const settings = { path: file(), noSubdir: true, keyEncoding: "binary", encoding: "binary" } as const;
  return open<Buffer, Uint8Array>({
    ...settings,
    overlappingSync: false,
    eventTurnBatching: false,
    ...options,
  });
}

beforeEach(() => {
  folder = temporaryFolder();
  root = openRaw();
});

afterEach(async () => {
  await new Promise((resolve) => setImmediate(resolve));
  await root.close();
  removeFolder(folder);
});

describe("lmdb 3.5.6", () => {
  it("takes keys of 1 to 1,978 bytes", async () => {
    const put = (bytes: number) => () => root.put(Buffer.alloc(bytes, 1), Buffer.from("v"));
    expect(put(0)).toThrow("zero length key");
    expect(put(1979)).toThrow("maximum key size (1978)");
    await put(1978)();
  });

  it("grows its map by itself: MAP_FULL never comes", async () => {
    const small = open<Buffer, Uint8Array>({
      path: join(folder, "small.mdb"),
      noSubdir: true,
      keyEncoding: "binary",
      encoding: "binary",
      overlappingSync: false,
      mapSize: 128 * 1024,
    });
    for (let i = 0; i < 20; i++) await small.put(key(i), Buffer.alloc(1024 * 1024, i));
    expect(small.get(key(19))).toHaveLength(1024 * 1024);
    await new Promise((resolve) => setImmediate(resolve));
    await small.close();
  });

  it("has no checksum: a changed byte is read as if it had been written", async () => {
    await root.put(key(1), Buffer.alloc(9000, 1));
    overwrite(file(), Buffer.alloc(9000, 1), Buffer.alloc(9000, 2));
    expect(root.get(key(1))).toEqual(Buffer.alloc(9000, 2));
  });

  it("ends the process with SIGBUS when the data file was cut off", async () => {
    for (let i = 0; i < 10; i++) await root.put(key(i), Buffer.alloc(100_000, i));
    await root.close();
    truncateSync(file(), 16_384);
    const script = `
      const { open } = await import(${JSON.stringify(import.meta.resolve("lmdb"))});
      const root = open({ path: ${JSON.stringify(file())}, noSubdir: true, keyEncoding: "binary", encoding: "binary" });
      for (const { value } of root.getRange()) value.length;`;
    const { signal } = spawnSync(process.execPath, ["--input-type=module", "-e", script]);
    expect(signal).toBe("SIGBUS");
    root = open({ path: join(folder, "other.mdb"), noSubdir: true });
  });

  it("commits a batch as one transaction, though it is queued while the worker already writes", async () => {
    let visible = 0;
    const batch = root.batch(() => {
      for (let i = 0; i < 5000; i++) {
        void root.put(key(i), Buffer.alloc(50));
        if (root.get(key(0)) !== undefined) visible++;
      }
    });
    expect(visible).toBe(0);
    await batch;
    expect(root.getKeysCount()).toBe(5000);
  });

  it("commits what was queued before a throw inside of a batch: keys must be checked before", async () => {
    const half = () =>
      root.batch(() => {
        void root.put(key(1), Buffer.from("queued"));
        void root.put(Buffer.alloc(0), Buffer.from("refused"));
      });
    expect(half).toThrow("zero length key");
    await root.put(key(2), Buffer.from("later"));
    expect(root.get(key(1))).toEqual(Buffer.from("queued"));
  });

  it("takes an empty end of a range for none, and leaves [0] out of a reverse range without end", async () => {
    await root.put(Buffer.from([0]), Buffer.from("v"));
    await root.put(Buffer.from([1]), Buffer.from("v"));
    const count = (range: object) => [...root.getKeys(range)].length;
    expect(count({ start: Buffer.from([0]), end: Buffer.alloc(0) })).toBe(2);
    expect(count({ reverse: true })).toBe(1);
    expect(count({ reverse: true, end: Buffer.alloc(0), inclusiveEnd: true })).toBe(2);
  });

  it("lets the file grow while a read transaction is held, and never shrinks it", async () => {
    const rewrite = async (rounds: number): Promise<number> => {
      for (let i = 0; i < rounds; i++) await root.put(key(1), Buffer.alloc(1024 * 1024, i));
      return statSync(file()).size / (1024 * 1024);
    };
    const without = await rewrite(30);
    expect(without).toBeLessThan(8);
    const transaction = root.useReadTransaction();
    expect(await rewrite(30)).toBeGreaterThan(25);
    transaction.done();
    await root.remove(key(1));
    expect(statSync(file()).size / (1024 * 1024)).toBeGreaterThan(25);
  });

  it("may leave the data file shorter than its meta page says, when the last pages are free", async () => {
    const table = root.openDB("table", { keyEncoding: "binary", encoding: "binary" });
    for (let round = 0; round < 3; round++) {
      await root.batch(() => {
        for (let i = 0; i < 200; i++) void table.put(key(i), Buffer.alloc(30_000));
        for (let i = 0; i < 200; i++) void table.remove(key(i));
        for (let i = 0; i < 10 * round; i++) void table.put(key(i), Buffer.alloc(10));
      });
    }
    const { lastPageNumber, root: stats } = root.getStats() as {
      lastPageNumber: number;
      root: { pageSize: number };
    };
    expect(statSync(file()).size).toBeLessThan((lastPageNumber + 1) * stats.pageSize);
  });

  it("copies only into a file that is not there", async () => {
    const copy = join(folder, "copy.mdb");
    await root.put(key(1), Buffer.from("v"));
    await root.backup(copy, true);
    await expect(root.backup(copy, true)).rejects.toThrow();
  });

  it("ends the process with SIGSEGV when it opens what is no LMDB file", () => {
    const garbage = join(folder, "garbage.mdb");
    writeFileSync(garbage, Buffer.alloc(20_000, 7));
    const script = `
      const { open } = await import(${JSON.stringify(import.meta.resolve("lmdb"))});
      try { open({ path: ${JSON.stringify(garbage)}, noSubdir: true }); } catch {}`;
    expect(spawnSync(process.execPath, ["--input-type=module", "-e", script]).signal).toBe("SIGSEGV");
  });

  it("names the trouble of the system by its errno", () => {
    mkdirSync(join(folder, "folder.mdb"));
    expect(() => open({ path: join(folder, "folder.mdb"), noSubdir: true })).toThrow(
      expect.objectContaining({ code: 21 }),
    );
  });
});

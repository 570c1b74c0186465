import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { FatalError } from "../errors.ts";
import { keyMaxBytes } from "./environment.ts";
import type { KvWrite } from "./kv-backend.types.ts";
import {
  appliedWrites,
  clusterId,
  digest,
  openTest,
  put,
  removeFolder,
  temporaryFolder,
} from "./testing/fixtures.ts";
import type { DataDirectory } from "./types.ts";

let folder: string;
let directory: DataDirectory;

beforeEach(async () => {
  folder = temporaryFolder();
  directory = await openTest(folder);
});

afterEach(async () => {
  await directory.close();
  removeFolder(folder);
});

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

describe("reading and writing", () => {
  it("keeps raw bytes, the empty value too, and deletes", async () => {
    const { store } = directory;
    const large = Buffer.alloc(3 * 1024 * 1024, 0xab);
    const writes: KvWrite[] = [
      { table: "cur", key: bytes(0), value: bytes() },
      { table: "cur", key: Buffer.alloc(keyMaxBytes, 0xff), value: bytes(0, 255, 0) },
      { table: "rev", key: bytes(0), value: large },
    ];
    await store.commit(writes);
    expect(store.get("cur", bytes(0))).toHaveLength(0);
    expect([...store.get("cur", Buffer.alloc(keyMaxBytes, 0xff))!]).toEqual([0, 255, 0]);
    expect(large.equals(store.get("rev", bytes(0))!)).toBe(true);
    expect(store.get("idx", bytes(0))).toBeUndefined();
    await store.commit([{ table: "cur", key: bytes(0), value: undefined }]);
    expect(store.get("cur", bytes(0))).toBeUndefined();
  });

  it("hands out copies: later reads don't change them", async () => {
    const { store } = directory;
    await store.commit([put("a", "first"), put("b", "other")]);
    const first = store.get("cur", Buffer.from("a"))!;
    store.get("cur", Buffer.from("b"));
    const [, scanned] = store.scan("cur", { start: Buffer.from("b"), end: undefined }).next().value!;
    store.get("cur", Buffer.from("a"));
    expect([String(first), String(scanned)]).toEqual(["first", "other"]);
  });

  it("takes later writes of one commit over earlier ones, in order", async () => {
    const { store } = directory;
    await store.commit([
      put("a", "1"),
      put("a", "2"),
      { table: "cur", key: Buffer.from("b"), value: undefined },
      put("b", "3"),
    ]);
    expect([String(store.get("cur", Buffer.from("a"))), String(store.get("cur", Buffer.from("b")))]).toEqual([
      "2",
      "3",
    ]);
  });

  it("refuses a bad key before LMDB sees any of the batch", async () => {
    const { store } = directory;
    const bad = (key: Uint8Array) => () =>
      store.commit([put("a", "1"), { table: "cur", key, value: bytes(1) }]);
    expect(bad(bytes())).toThrow("a key of 0 bytes");
    expect(bad(Buffer.alloc(keyMaxBytes + 1))).toThrow(`a key of ${keyMaxBytes + 1} bytes`);
    await store.commit([]);
    expect(store.get("cur", Buffer.from("a"))).toBeUndefined();
  });

  it("scans like a sorted array, in both directions, for every pair of bounds", async () => {
    const keys = [[0], [0, 0], [0, 1], [1], [1, 0], [5], [5, 5], [255], [255, 255]].map((k) =>
      Buffer.from(k),
    );
    const { store } = directory;
    await store.commit(keys.map((k) => ({ table: "idx", key: k, value: k })));
    const bounds = [Buffer.alloc(0), ...keys, Buffer.from([2]), Buffer.from([255, 255, 255])];
    for (const start of bounds) {
      for (const end of [undefined, ...bounds]) {
        const within = keys.filter((k) => k.compare(start) >= 0 && (!end || k.compare(end) < 0)).map(String);
        const forward = [...store.scan("idx", { start, end })].map(([k]) => String(k));
        const backward = [...store.scan("idx", { start, end, reverse: true })].map(([k]) => String(k));
        expect(forward).toEqual(within);
        expect(backward).toEqual(within.toReversed());
      }
    }
  });
});

describe("durability", () => {
  it("commits one batch whole or not at all, in the order of the calls", async () => {
    const { store } = directory;
    await Promise.all(
      Array.from({ length: 10 }, (_, i) => store.commit([put("a", `${i}`), put(`k${i}`, "x")])),
    );
    expect(String(store.get("cur", Buffer.from("a")))).toBe("9");
    const before = digest(store);
    await directory.close();
    directory = await openTest(folder);
    expect(digest(directory.store)).toBe(before);
  });

  it("says what is applied from the same transaction as the changes (B8)", async () => {
    await directory.stampCluster(clusterId);
    await directory.store.commit(appliedWrites(7, 2, clusterId, [put("a", "1")]));
    await directory.close();
    directory = await openTest(folder);
    expect(directory.log.initialState()).toMatchObject({ appliedIndex: 7n });
  });
});

describe("views", () => {
  it("stay at their point while commits go on", async () => {
    const { store } = directory;
    await store.commit([put("a", "1")]);
    const view = store.pin();
    await store.commit([put("a", "2"), put("b", "2")]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(String(view.get("cur", Buffer.from("a")))).toBe("1");
    expect([...view.scan("cur", { start: bytes(), end: undefined })]).toHaveLength(1);
    expect(String(store.get("cur", Buffer.from("a")))).toBe("2");
    view.close();
    view.close();
    expect(() => view.get("cur", Buffer.from("a"))).toThrow("after it was closed");
  });

  it("see the newest commit when they are made", async () => {
    const { store } = directory;
    await store.commit([put("a", "1")]);
    store.get("cur", Buffer.from("a"));
    await store.commit([put("a", "2")]);
    const view = store.pin();
    expect(String(view.get("cur", Buffer.from("a")))).toBe("2");
    view.close();
  });
});

describe("usage", () => {
  it("counts pages in use: it falls when keys are deleted, though the file does not shrink", async () => {
    const { store } = directory;
    const empty = store.usage().usedBytes;
    const writes = Array.from({ length: 2000 }, (_, i) => put(`k${i}`, Buffer.alloc(1000)));
    await store.commit(writes);
    const full = store.usage();
    expect(full.usedBytes).toBeGreaterThan(2_000_000);
    expect(full.usedBytes).toBeLessThan(4_000_000);
    await store.commit(writes.map(({ table, key }) => ({ table, key, value: undefined })));
    expect(store.usage().usedBytes).toBeLessThan(empty + 100_000);
    expect(store.usage().fileBytes).toBeGreaterThanOrEqual(full.fileBytes);
  });
});

describe("scrub", () => {
  it("walks through every record once in a pass, some at a time", async () => {
    const { store } = directory;
    const writes = Array.from({ length: 500 }, (_, i) => put(`k${i}`, "v", i % 2 === 0 ? "cur" : "rev"));
    await store.commit(writes);
    let records = 0;
    let steps = 0;
    for (let passed = false; !passed; steps++) {
      const progress = store.scrubStep({ maxRecords: 100, maxBytes: 1e6 });
      expect(progress.records).toBeLessThanOrEqual(100);
      records += progress.records;
      passed = progress.passed;
    }
    expect(records).toBe(500);
    expect(steps).toBeGreaterThan(5);
  });
});

describe("faults", () => {
  it("ends with diskFailed on an I/O error; nothing of that batch shows and nothing is retried (B5)", async () => {
    const fatal: FatalError[] = [];
    let failing = false;
    await directory.close();
    directory = await openTest(folder, {
      fatal,
      faults: {
        beforeCommit: async () => {
          if (failing) throw Object.assign(new Error("Input/output error"), { code: 5 });
        },
      },
    });
    await directory.store.commit([put("a", "1")]);
    failing = true;
    await expect(directory.store.commit([put("a", "2")])).rejects.toMatchObject({
      reason: "diskFailed",
      exitCode: 75,
    });
    failing = false;
    await expect(directory.store.commit([put("a", "3")])).rejects.toThrow("Input/output error");
    expect(fatal).toHaveLength(1);
    expect(String(directory.store.get("cur", Buffer.from("a")))).toBe("1");
  });

  it("tells a full disk from a broken one (B11)", async () => {
    const fatal: FatalError[] = [];
    let failing = false;
    await directory.close();
    directory = await openTest(folder, {
      fatal,
      faults: {
        beforeCommit: async () => {
          if (failing) throw Object.assign(new Error("No space left on device"), { code: 28 });
        },
      },
    });
    failing = true;
    await expect(directory.store.commit([put("a", "2")])).rejects.toMatchObject({
      reason: "diskFull",
      exitCode: 76,
    });
  });
});

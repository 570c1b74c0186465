import { describe, expect, test } from "vitest";
import { bytesFromText } from "./bytes.ts";
import type { PutApplied } from "./changes.ts";
import {
  BATCH_MAX_RECORDS,
  DELETE_MAX_KEYS,
  DELETE_PREVIOUS_MAX_BYTES,
  KEY_MAX_BYTES,
  STEP_MAX_VISITS,
} from "./limits.ts";
import { Store } from "./store.ts";
import { MemoryBackend } from "./testing/memory-backend.ts";
import type { KeyRange, KeyValue, RangeQuery, RangeStep } from "./types.ts";

const EVERYTHING: KeyRange = { start: new Uint8Array(0), end: new Uint8Array(0) };
const BUDGET = { maxRecords: 1000, maxBytes: 1_000_000 };

function bytes(text: string): Uint8Array {
  return bytesFromText(text);
}

function open(): Store {
  return new Store(new MemoryBackend());
}

function put(store: Store, key: string | Uint8Array, value: string | Uint8Array = "v"): bigint {
  const change = {
    key: typeof key === "string" ? bytes(key) : key,
    value: typeof value === "string" ? bytes(value) : value,
    lease: 0n,
    previous: false,
    expectedModRevision: undefined,
  };
  return (store.put(change) as PutApplied).revision;
}

function remove(store: Store, range: KeyRange, previous = false) {
  return store.delete({ ...range, previous, expectedModRevision: undefined });
}

function query(over: Partial<RangeQuery>): RangeQuery {
  return {
    ...EVERYTHING,
    revision: undefined,
    reverse: false,
    keysOnly: false,
    countOnly: false,
    maxKeys: 1000,
    maxBytes: 1_000_000,
    ...over,
  };
}

function flush(store: Store, backend: MemoryBackend): void {
  backend.write(store.freeze().writes);
  store.release();
}

function compactWhole(store: Store, revision: bigint): void {
  store.compact(revision);
  while (store.compactStep(BUDGET));
}

describe("revisions (etcd v3)", () => {
  test("an empty store is at 1; each change has the next; what changes nothing has none", () => {
    const store = open();
    expect(store.revision).toBe(1n);
    expect(put(store, "a")).toBe(2n);
    expect(remove(store, { start: bytes("x"), end: undefined })).toMatchObject({ revision: 2n, deleted: 0 });
    expect(remove(store, { start: bytes("a"), end: undefined })).toMatchObject({ revision: 3n, deleted: 1 });
    expect(store.revision).toBe(3n);
  });

  test("create, mod and version follow the life of a key, and begin anew after a deletion", () => {
    const store = open();
    const life = () => {
      const { createRevision, modRevision, version } = store.get(bytes("k"), undefined) as KeyValue;
      return [createRevision, modRevision, version];
    };
    put(store, "k");
    expect(life()).toEqual([2n, 2n, 1n]);
    put(store, "k");
    expect(life()).toEqual([2n, 3n, 2n]);
    remove(store, { start: bytes("k"), end: undefined });
    put(store, "k");
    expect(life()).toEqual([5n, 5n, 1n]);
  });

  test("a range delete is one revision", () => {
    const store = open();
    for (const key of ["a", "b", "c"]) put(store, key);
    const before = store.revision;
    expect(remove(store, { start: bytes("a"), end: bytes("c") }, true)).toMatchObject({
      revision: 5n,
      deleted: 2,
    });
    expect((store.rangeStep(query({ revision: before })) as RangeStep).count).toBe(3);
    expect(store.totalKeys).toBe(1);
  });

  test("a lease is kept with the key", () => {
    const store = open();
    store.put({
      key: bytes("k"),
      value: bytes(""),
      lease: 2n ** 63n,
      previous: false,
      expectedModRevision: undefined,
    });
    expect(store.get(bytes("k"), undefined)).toMatchObject({ lease: 2n ** 63n });
  });
});

describe("compaction (etcd v3)", () => {
  test("reads below it are refused, reads at it are answered; again or in the future it is refused", () => {
    const store = open();
    put(store, "k", "1");
    put(store, "k", "2");
    put(store, "k", "3");
    expect(store.compact(3n)).toEqual({ type: "compact", revision: 3n });
    const refusal = { reason: "compacted", compactedRevision: 3n };
    expect(store.get(bytes("k"), 2n)).toEqual(refusal);
    expect(store.rangeStep(query({ revision: 2n }))).toEqual(refusal);
    expect(store.hash(2n)).toEqual(refusal);
    expect(store.get(bytes("k"), 3n)).toMatchObject({ value: bytes("2") });
    expect(store.get(bytes("k"), 5n)).toEqual({ reason: "future", revision: 4n });
    expect(store.compact(3n)).toEqual({ type: "refused", refusal });
    expect(store.compact(9n)).toEqual({ type: "refused", refusal: { reason: "future", revision: 4n } });
  });

  test("goes on after a restart where it was, and takes everything away in the end", () => {
    const backend = new MemoryBackend();
    let store = new Store(backend);
    for (let i = 0; i < 50; i++) put(store, `k${i % 5}`, `${i}`);
    remove(store, { start: bytes("k4"), end: undefined });
    store.compact(store.revision);
    store.compactStep({ maxRecords: 7, maxBytes: 1_000_000 });
    flush(store, backend);
    store = new Store(backend);
    expect(store.compactionPending).toBe(true);
    let steps = 0;
    while (store.compactStep({ maxRecords: 7, maxBytes: 1_000_000 })) steps++;
    expect(steps).toBeGreaterThan(3);
    flush(store, backend);
    expect(new Store(backend).compactionPending).toBe(false);
    expect([...backend.scan("rev", { start: new Uint8Array(0), end: undefined })].length).toBe(4);
    expect([...backend.scan("idx", { start: new Uint8Array(0), end: undefined })].length).toBe(0);
  });

  test("a key that was deleted, compacted and made again has only its new life", () => {
    const store = open();
    put(store, "k", "old");
    remove(store, { start: bytes("k"), end: undefined });
    compactWhole(store, store.revision);
    put(store, "k", "new");
    expect(store.get(bytes("k"), 3n)).toBeUndefined();
    expect(store.get(bytes("k"), undefined)).toMatchObject({ version: 1n, createRevision: 4n });
  });

  test("a compaction whose removal has not begun changes no later answer", () => {
    const [lazy, eager] = [open(), open()];
    for (const store of [lazy, eager]) {
      put(store, "k");
      remove(store, { start: bytes("k"), end: undefined });
      store.compact(3n);
    }
    while (eager.compactStep(BUDGET));
    for (const store of [lazy, eager]) put(store, "k");
    expect(lazy.rollingHash).toBe(eager.rollingHash);
    while (lazy.compactStep(BUDGET));
    expect(lazy.get(bytes("k"), undefined)).toEqual(eager.get(bytes("k"), undefined));
  });

  test("waits while the overlay is full", () => {
    const store = open();
    for (let i = 0; i < BATCH_MAX_RECORDS; i++) put(store, "k", "");
    store.compact(store.revision);
    expect(store.overlay.full).toBe(true);
    const held = store.overlay.bytes;
    expect(store.compactStep(BUDGET)).toBe(true);
    expect(store.overlay.bytes).toBe(held);
    store.freeze();
    store.release();
    expect(store.overlay.full).toBe(false);
  });
});

describe("hash of the history", () => {
  function hash(store: Store, revision?: bigint) {
    const job = store.hash(revision);
    if ("reason" in job) throw new Error(job.reason);
    for (;;) {
      const result = job.step({ maxRecords: 3, maxBytes: 1_000_000 });
      if (result !== undefined) return result;
    }
  }

  test("differs with a value, also with one that is only in the history", () => {
    const stores = ["1", "2"].map((value) => {
      const store = open();
      put(store, "k", value);
      put(store, "k", "same");
      return store;
    });
    const [a, b] = stores.map((store) => hash(store));
    expect(a).not.toEqual(b);
    for (const store of stores) compactWhole(store, 3n);
    const [x, y] = stores.map((store) => hash(store));
    expect(x).toEqual(y);
  });

  test("what is applied meanwhile does not change it; a compaction ends it", () => {
    const store = open();
    for (let i = 0; i < 20; i++) put(store, `k${i}`);
    store.compact(10n);
    const expected = hash(store, 15n);
    const job = store.hash(15n);
    if ("reason" in job) throw new Error(job.reason);
    let result = job.step({ maxRecords: 3, maxBytes: 1_000_000 });
    while (result === undefined) {
      put(store, "k3", "more");
      remove(store, { start: bytes("k5"), end: undefined });
      result = job.step({ maxRecords: 3, maxBytes: 1_000_000 });
    }
    expect(result).toEqual(expected);
    store.compact(11n);
    expect(job.step(BUDGET)).toEqual({ reason: "compacted", compactedRevision: 11n });
  });
});

describe("keys", () => {
  test("of any bytes up to the limit are stored, and found in order in both directions", () => {
    const backend = new MemoryBackend();
    const store = new Store(backend);
    const zeros = new Uint8Array(KEY_MAX_BYTES);
    const ones = new Uint8Array(KEY_MAX_BYTES).fill(0xff);
    const keys = [
      Uint8Array.of(0),
      Uint8Array.of(0, 0),
      zeros,
      Uint8Array.of(0, 1),
      Uint8Array.of(0xff),
      ones,
    ];
    for (const [i, key] of keys.entries()) {
      put(store, key, `${i}`);
      if (i === 2) flush(store, backend);
    }
    for (const [i, key] of keys.entries())
      expect(store.get(key, undefined)).toMatchObject({ value: bytes(`${i}`) });
    const found = (reverse: boolean) =>
      (store.rangeStep(query({ reverse })) as RangeStep).keyValues.map(({ value }) =>
        Number(Buffer.from(value)),
      );
    const sorted = keys.map((_, i) => i).sort((a, b) => Buffer.compare(keys[a]!, keys[b]!));
    expect(found(false)).toEqual(sorted);
    expect(found(true)).toEqual(sorted.reverse());
    const all = store.rangeStep(query({ start: Uint8Array.of(0xff) })) as RangeStep;
    expect(all.count).toBe(2);
  });
});

describe("bounds", () => {
  test("a delete of more keys than one may take is refused and changes nothing", () => {
    const store = open();
    for (let i = 0; i <= DELETE_MAX_KEYS; i++) put(store, `k${i}`, "");
    const before = [store.revision, store.rollingHash];
    expect(remove(store, EVERYTHING)).toEqual({
      type: "refused",
      refusal: { reason: "too-many-keys", limit: DELETE_MAX_KEYS },
    });
    expect([store.revision, store.rollingHash]).toEqual(before);
    remove(store, { start: bytes("k0"), end: undefined });
    expect(remove(store, EVERYTHING)).toMatchObject({ type: "delete", deleted: DELETE_MAX_KEYS });
    expect(store.totalKeys).toBe(0);
  });

  test("previous values are returned as far as one answer takes them, else refused with how many", () => {
    const store = open();
    for (let i = 0; i < 6; i++) put(store, `k${i}`, new Uint8Array(DELETE_PREVIOUS_MAX_BYTES / 4));
    expect(remove(store, EVERYTHING, true)).toEqual({
      type: "refused",
      refusal: { reason: "too-many-keys", limit: 3 },
    });
    expect(remove(store, { start: bytes("k0"), end: bytes("k3") }, true)).toMatchObject({ deleted: 3 });
    expect(remove(store, EVERYTHING)).toMatchObject({ deleted: 3 });
  });

  test("a step of a range ends, also where it finds nothing", () => {
    const store = open();
    const keys = STEP_MAX_VISITS + 100;
    for (let i = 0; i < keys; i++) put(store, `k${String(i).padStart(5, "0")}`, "");
    const step = store.rangeStep(query({ revision: 1n, maxKeys: 10 * keys })) as RangeStep;
    expect(step).toMatchObject({ count: 0, keyValues: [] });
    expect(step.next?.start).toEqual(bytes(`k0${STEP_MAX_VISITS}`));
    const rest = store.rangeStep(query({ ...step.next, revision: 1n })) as RangeStep;
    expect(rest.next).toBeUndefined();
  });

  test("a step ends when it has as many bytes as asked for, with one key at least", () => {
    const store = open();
    for (let i = 0; i < 5; i++) put(store, `k${i}`, new Uint8Array(1000));
    expect((store.rangeStep(query({ maxBytes: 1 })) as RangeStep).count).toBe(1);
    expect((store.rangeStep(query({ maxBytes: 2500 })) as RangeStep).count).toBe(3);
  });

  test("a start reads one record, whatever is stored", () => {
    const backend = new MemoryBackend();
    const store = new Store(backend);
    for (let i = 0; i < 1000; i++) put(store, `k${i}`);
    flush(store, backend);
    let reads = 0;
    const again = new Store({
      get: (table, key) => {
        reads++;
        return backend.get(table, key);
      },
      scan: () => {
        throw new Error("scanned");
      },
    });
    expect([reads, again.totalKeys, again.revision]).toEqual([1, 1000, 1001n]);
  });
});

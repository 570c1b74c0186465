import type { TableEngine } from "@rstore/replica/storage/machine.types";
import fc from "fast-check";
import { expect, test } from "vitest";
import { DiskHarness, inWorld, TestLife } from "./disk-harness.ts";
import { encodeTableFile } from "./table-file.ts";
import { TableSet } from "./table-set.ts";

const path = "/data/store/data.mdb";
const names = ["one", "two"];
const bytes = (text: string): Buffer => Buffer.from(text, "latin1");

function openEmpty(seed: number): { harness: DiskHarness; life: TestLife; engine: TableEngine } {
  const harness = new DiskHarness(seed);
  const life = new TestLife();
  const machine = harness.disk.machine(life);
  harness.must(async () => {
    await machine.files.makeFolder("/data/store");
    await machine.files.syncFolder("/");
    await machine.files.syncFolder("/data");
  });
  const engine = machine.openTables(path, names);
  harness.must(() => machine.files.syncFolder("/data/store"));
  return { harness, life, engine };
}

function contents(engine: TableEngine, table = "one"): string {
  return [...engine.table(table).range({})].map(([key, value]) => `${key}=${value}`).join(" ");
}

function putAll(engine: TableEngine, records: Record<string, string>): Promise<void> {
  return engine.batch(() => {
    for (const [key, value] of Object.entries(records)) engine.table("one").put(bytes(key), bytes(value));
  });
}

const keys = fc.string({ unit: fc.constantFrom("a", "b", "c", "\xff", "\0"), minLength: 1, maxLength: 3 });
const batches = fc.array(
  fc.array(fc.tuple(keys, fc.option(fc.string({ maxLength: 4 }))), { maxLength: 12 }),
  {
    maxLength: 6,
  },
);

test(
  "ranges, gets and counts are those of a sorted list, whatever was put and removed",
  inWorld(() => {
    const bound = fc.option(fc.oneof(keys, fc.constant("")), { nil: undefined });
    fc.assert(
      fc.property(
        batches,
        bound,
        bound,
        fc.boolean(),
        fc.option(fc.nat(3), { nil: undefined }),
        (...drawn) => {
          const [script, start, end, reverse, limit] = drawn;
          const { harness, engine } = openEmpty(1);
          const table = engine.table("one");
          const model = new Map<string, string>();
          for (const batch of script) {
            for (const [key, value] of batch) value === null ? model.delete(key) : model.set(key, value);
            const write = (): void => {
              for (const [key, value] of batch) {
                if (value === null) table.remove(bytes(key));
                else table.put(bytes(key), Buffer.from(value));
              }
            };
            harness.must(() => engine.batch(write));
          }
          const inside = [...model]
            .filter(([key]) => (start === undefined || key >= start) && (end === undefined || key < end))
            .sort(([a], [b]) => (a < b ? -1 : 1));
          if (reverse) inside.reverse();
          const range = {
            reverse,
            ...(start === undefined ? {} : { start: bytes(start) }),
            ...(end === undefined ? {} : { end: bytes(end) }),
            ...(limit === undefined ? {} : { limit }),
          };
          const found = [...table.range(range)].map(([key, value]) => [key.toString("latin1"), `${value}`]);
          expect(found).toEqual(inside.slice(0, limit));
          expect(table.entryCount).toBe(model.size);
          for (const [key, value] of model) expect(`${table.get(bytes(key))}`).toBe(value);
        },
      ),
      { numRuns: 150 },
    );
  }),
);

test(
  "a log that loses its front and grows at its end holds what is between",
  inWorld(() => {
    const { harness, engine } = openEmpty(1);
    const table = engine.table("one");
    const key = (i: number): Buffer => bytes(String(i).padStart(4, "0"));
    for (let end = 50; end <= 1000; end += 50) {
      const write = (): void => {
        for (let i = end - 50; i < end; i += 1) table.put(key(i), key(i));
        for (let i = end - 80; i < end - 30; i += 1) table.remove(key(i));
      };
      harness.must(() => engine.batch(write));
      const expected = Array.from({ length: 30 }, (_, i) => `${key(end - 30 + i)}`);
      expect([...table.range({})].map(([found]) => `${found}`)).toEqual(expected);
      expect([table.entryCount, table.get(key(end - 31)), `${table.get(key(end - 1))}`]).toEqual([
        30,
        undefined,
        `${key(end - 1)}`,
      ]);
    }
  }),
);

test(
  "a crash leaves every commit that was acknowledged, and of the one under way all or nothing (B8)",
  inWorld(() => {
    const found = new Set<string>();
    for (let seed = 1; seed <= 60; seed += 1) {
      const { harness, life, engine } = openEmpty(seed);
      harness.must(() => putAll(engine, { a: "1", b: "1" }));
      void putAll(engine, { a: "2", b: "2", c: "2" });
      for (let step = 0; step < seed % 3; step += 1) harness.world.step(harness.world.nowUs + 1_000_000);
      harness.crash(life);
      const machine = harness.disk.machine(new TestLife());
      expect(machine.checkDataFile(path, { walk: true })).toEqual({ kind: "good" });
      found.add(contents(machine.openTables(path, names)));
    }
    expect(found).toEqual(new Set(["a=1 b=1", "a=2 b=2 c=2"]));
  }),
);

test(
  "a commit shows when it is on the disk, and a view stays as it was",
  inWorld(() => {
    const { harness, engine } = openEmpty(3);
    harness.must(() => putAll(engine, { a: "1" }));
    const view = engine.view();
    const commit = putAll(engine, { a: "2", b: "2" });
    expect(contents(engine)).toBe("a=1");
    expect(() => engine.batch(() => {})).toThrow("two batches");
    harness.must(() => commit);
    expect(contents(engine)).toBe("a=2 b=2");
    expect([...engine.table("one").range({}, view)]).toHaveLength(1);
    expect(`${engine.table("one").get(bytes("a"), view)}`).toBe("1");
    expect(harness.run(() => engine.close())).toMatchObject({ kind: "failed" });
    view.close();
    harness.must(() => engine.close());
  }),
);

test(
  "a flush that fails leaves the last commit, and nothing that comes after it in that life (B5)",
  inWorld(() => {
    const { harness, life, engine } = openEmpty(3);
    harness.must(() => putAll(engine, { a: "1" }));
    harness.disk.failNextFlush("store");
    expect(harness.run(() => putAll(engine, { b: "1" }))).toMatchObject({
      kind: "failed",
      error: { code: 5 },
    });
    harness.must(() => putAll(engine, { c: "1" }));
    expect(contents(engine)).toBe("a=1 c=1");
    harness.crash(life);
    expect(contents(harness.disk.machine(new TestLife()).openTables(path, names))).toBe("a=1");
  }),
);

test(
  "a copy that travels as bytes holds the commit of its beginning; unflushed, a crash may leave anything of it",
  inWorld(() => {
    const kinds = new Set<string>();
    for (let seed = 1; seed <= 60; seed += 1) {
      const { harness, life, engine } = openEmpty(seed);
      harness.must(() =>
        putAll(engine, Object.fromEntries(Array.from({ length: 99 }, (_, i) => [`k${i}`, "v".repeat(20)]))),
      );
      const whole = contents(engine);
      const machine = harness.disk.machine(life);
      const read = harness.must(async () => {
        const copying = engine.copyTo("/data/copy");
        await putAll(engine, { k0: "changed" });
        await copying;
        await machine.files.syncFolder("/data");
        await machine.files.writeFile("/data/other", (await machine.files.readFile("/data/copy"))!);
        expect((await machine.files.stat("/data/copy"))!.sizeBytes).toBe(
          (await machine.files.stat("/data/other"))!.sizeBytes,
        );
        return (await machine.files.readFile("/data/other"))!;
      });
      expect(read.byteLength).toBeGreaterThan(512);
      expect(contents(machine.openTables("/data/other", names))).toBe(whole);
      harness.crash(life);
      const after = harness.disk.machine(new TestLife());
      const check = after.checkDataFile("/data/copy", { walk: true });
      kinds.add(check.kind);
      if (check.kind !== "good") continue;
      expect(contents(after.openTables("/data/copy", names))).toBe(whole);
    }
    expect(kinds).toEqual(new Set(["empty", "good", "damaged"]));
  }),
);

test(
  "a data file that was cut off anywhere, or is none, is found before it is opened",
  inWorld(() => {
    const tables = new TableSet();
    for (const name of names) tables.add(name);
    tables.apply([
      { table: "one", key: bytes("a"), value: bytes("1") },
      { table: "two", key: bytes("bb"), value: bytes("22") },
    ]);
    const file = encodeTableFile(tables);
    const harness = new DiskHarness(1);
    const machine = harness.disk.machine(new TestLife());
    const check = (data: Uint8Array, walk: boolean): string => {
      harness.must(() => machine.files.writeFile("/file", data));
      return machine.checkDataFile("/file", { walk }).kind;
    };
    expect(machine.checkDataFile("/file", { walk: true })).toEqual({ kind: "missing" });
    for (let size = 1; size < file.byteLength; size += 1) {
      expect(check(file.subarray(0, size), false)).toBe("damaged");
      expect(() => machine.openTables("/file", names)).toThrow(expect.objectContaining({ code: -30796 }));
    }
    expect(check(new Uint8Array(), false)).toBe("empty");
    expect(check(file, true)).toBe("good");
    // The name of the first table: a page in the middle that is no page.
    file.fill(0, 20, 40);
    expect(check(file, true)).toBe("damaged");
  }),
);

test(
  "the lock of a directory is one life's at a time, and dies with it (E9)",
  inWorld(() => {
    const harness = new DiskHarness(1);
    const first = new TestLife();
    harness.disk.machine(first).lockDirectory("/data/lock", "/data");
    const second = harness.disk.machine(new TestLife());
    expect(() => second.lockDirectory("/data/lock", "/data")).toThrow(
      expect.objectContaining({ reason: "directoryLocked" }),
    );
    first.isOver = true;
    second.lockDirectory("/data/lock", "/data")();
    second.lockDirectory("/data/lock", "/data");
  }),
);

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { removeFolder, temporaryFolder } from "../testing/fixtures.ts";
import { LmdbEngine } from "./lmdb-engine.ts";
import { withLockTableInMemory } from "./lock-table.ts";

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => removeFolder(folder));

/** Files that this process maps with the right to write, by name. */
function writableMappings(): string[] {
  const lines = readFileSync("/proc/self/maps", "utf8").split("\n");
  return lines.flatMap((line) => /^\S+ .w.s \S+ \S+ [1-9]\d* +(\/.*)$/.exec(line)?.[1] ?? []);
}

it.runIf(existsSync("/dev/shm"))(
  "nothing is written to the data's disk through a mapping (B12)",
  async () => {
    // Of a version that had its table here.
    writeFileSync(join(folder, "data.mdb-lock"), "old");
    const engine = new LmdbEngine(join(folder, "data.mdb"), ["a"]);
    await engine.batch(() => engine.table("a").put(Buffer.from("k"), Buffer.from("v")));
    expect(engine.table("a").get(Buffer.from("k"))?.toString()).toBe("v");
    const tables = writableMappings().filter((name) => name.startsWith("/dev/shm/rstore-"));
    expect(tables).toEqual([expect.stringMatching(/ \(deleted\)$/)]);
    expect(existsSync(dirname(tables[0]!))).toBe(false);
    expect(writableMappings().filter((name) => name.startsWith(folder))).toEqual([]);
    expect(readdirSync(folder)).toEqual(["data.mdb"]);
    await engine.close();
    const again = new LmdbEngine(join(folder, "data.mdb"), ["a"]);
    expect(again.table("a").get(Buffer.from("k"))?.toString()).toBe("v");
    await again.close();
  },
);

it("the table is whole before it is opened, and nothing of it is left", () => {
  const memory = join(folder, "memory");
  mkdirSync(memory);
  const bytes = withLockTableInMemory(
    join(folder, "data.mdb"),
    () => readFileSync(join(folder, "data.mdb-lock")),
    memory,
  );
  expect(bytes).toEqual(Buffer.alloc(16_384));
  expect([...readdirSync(folder), ...readdirSync(memory)]).toEqual(["memory"]);
});

it("where there is no memory for it, LMDB makes it beside the data", () => {
  const seen = withLockTableInMemory(
    join(folder, "data.mdb"),
    () => existsSync(join(folder, "data.mdb-lock")),
    join(folder, "missing"),
  );
  expect(seen).toBe(false);
});

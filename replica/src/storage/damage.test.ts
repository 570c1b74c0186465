import { cpSync, existsSync, readdirSync, renameSync, rmSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { open } from "lmdb";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { FatalError } from "../errors.ts";
import { entryKey } from "./log-record.ts";
import type { Damage } from "./testing/child.ts";
import {
  appliedWrites,
  clusterId,
  entriesOf,
  openTest,
  put,
  removeFolder,
  seed,
  temporaryFolder,
} from "./testing/fixtures.ts";
import { overwrite } from "./testing/overwrite.ts";
import { runChild } from "./testing/run-child.ts";

let scratch: string;
let folder: string;

beforeEach(async () => {
  scratch = temporaryFolder();
  folder = join(scratch, "member");
  const directory = await openTest(folder);
  await seed(directory, 60, 40);
  await directory.log.append({ hardState: undefined, entries: entriesOf(61, 90, 2, 700) });
  await directory.store.commit(
    appliedWrites(50, 1, clusterId, [put("large", Buffer.alloc(20_000, 5)), put("r", "r", "rev")]),
  );
  await directory.log.compact(10n);
  await directory.close();
});

afterEach(() => removeFolder(scratch));

type Line = Record<string, unknown>;

/** What a process of its own found for each kind of damage; the last is undefined if it crashed. */
async function outcomes(file: string, variants: readonly Damage[]): Promise<(Line | undefined)[]> {
  const { said } = await runChild({ do: "damage", path: folder, file, scratch, variants });
  const found: (Line | undefined)[] = [];
  for (const line of said) {
    if ("variant" in line) found.push(undefined);
    else if (!("fatal" in line)) found[found.length - 1] = line;
  }
  return found;
}

async function intact(): Promise<Line> {
  const { said } = await runChild({ do: "inspect", path: folder });
  return said.at(-1)!;
}

const contents = ({ memberId, first, last, log, store, applied }: Line): Line => ({
  memberId,
  first,
  last,
  log,
  store,
  applied,
});

/** Spread over the whole file, the same every time. */
function spread(count: number, size: number): number[] {
  return Array.from(
    { length: count },
    (_, i) => Math.floor((i * size) / count) + ((i * 997) % Math.floor(size / count)),
  );
}

describe("raft/", () => {
  it("is never taken for blank when its file is missing, empty or cut off (B1, B6, B10)", async () => {
    const file = join("raft", "data.mdb");
    const { size } = statSync(join(folder, file));
    const cuts = [0, 1, 100, 4096, 4097, 8191, 8192, size / 2, size - 4096, size - 1].map((truncateTo) => ({
      truncateTo,
    }));
    const found = await outcomes(file, [{ remove: true }, ...cuts]);
    expect(found).toHaveLength(cuts.length + 1);
    expect(found.map((line) => line?.error)).toEqual(found.map(() => "corruptLog"));
  });

  it("is never taken for blank when the folder is missing (B1)", async () => {
    rmSync(join(folder, "raft"), { recursive: true });
    renameSync(join(folder, "superblock"), join(folder, "away"));
    await expect(openTest(folder)).rejects.toThrow("but store/ is there");
    renameSync(join(folder, "away"), join(folder, "superblock"));
    rmSync(join(folder, "store"), { recursive: true });
    await expect(openTest(folder)).rejects.toMatchObject({ reason: "corruptLog" });
  });

  it("is refused when entries are missing that were made durable (B10)", async () => {
    for (const missing of [[90], [11], [50], Array.from({ length: 80 }, (_, i) => 11 + i)]) {
      const copy = join(scratch, `without-${missing[0]}-${missing.length}`);
      cpSync(folder, copy, { recursive: true });
      const raw = open({ path: join(copy, "raft", "data.mdb"), noSubdir: true, overlappingSync: false });
      const log = raw.openDB("log", { keyEncoding: "binary", encoding: "binary" });
      await raw.transaction(() => {
        for (const index of missing) log.removeSync(entryKey(BigInt(index)));
      });
      await new Promise((resolve) => setImmediate(resolve));
      await raw.close();
      await expect(openTest(copy)).rejects.toThrow("but those from 11 to 90 were written");
    }
  });

  it("is read as it was written or refused, whichever byte is flipped (B7)", {
    timeout: 60_000,
  }, async () => {
    const file = join("raft", "data.mdb");
    const { size } = statSync(join(folder, file));
    const before = contents(await intact());
    const variants = spread(200, size).map((flipAt, i) => ({ flipAt, mask: 1 << (i % 8) }));
    const found = await outcomes(file, variants);
    expect(found).toHaveLength(variants.length);
    let refused = 0;
    for (const line of found) {
      if (line?.error !== undefined) {
        expect(["corruptLog", "unknownFormat"], `${line.message}`).toContain(line.error);
        refused++;
      } else {
        expect(line && contents(line)).toEqual(before);
      }
    }
    expect(refused).toBeGreaterThan(50);
  });

  it("ends the process with corruptLog when damage is found while reading (B7)", async () => {
    const fatal: FatalError[] = [];
    const file = join(folder, "raft", "data.mdb");
    const directory = await openTest(folder, { fatal, logCacheMaxBytes: 1 });
    // Under the open mapping, as a failing disk would.
    overwrite(file, Buffer.alloc(700, 70), Buffer.alloc(700, 71));
    expect(() => directory.log.entries(70n, 71n, 1)).toThrow(
      "raft/ is damaged: entry 70 does not match its checksum",
    );
    expect(fatal.map((e) => [e.reason, e.exitCode])).toEqual([["corruptLog", 73]]);
    await expect(directory.log.append({ hardState: undefined, entries: entriesOf(91, 91) })).rejects.toThrow(
      "damaged",
    );
    await directory.close();
  });
});

describe("store/", () => {
  it("is set aside when its file is cut off, and the log decides what follows (B7)", async () => {
    const file = join("store", "data.mdb");
    const { size } = statSync(join(folder, file));
    const cuts = [1, 100, 4096, 8191, 8192, size / 2, size - 4096].map((truncateTo) => ({ truncateTo }));
    const before = await intact();
    const found = await outcomes(file, [{ remove: true }, { truncateTo: 0 }, ...cuts]);
    expect(found).toHaveLength(cuts.length + 2);
    for (const line of found) {
      expect(line).toMatchObject({ start: "needsSnapshot", log: before.log, last: "90" });
    }
    for (const line of found.slice(2)) expect(String(line!.notes)).toContain("store/ was set aside");
  });

  it("is read as it was written, refused or set aside, whichever byte is flipped (B7)", {
    timeout: 90_000,
  }, async () => {
    const file = join("store", "data.mdb");
    const { size } = statSync(join(folder, file));
    const before = contents(await intact());
    const variants = spread(200, size).map((flipAt, i) => ({ flipAt, mask: 1 << (i % 8) }));
    const tally = { same: 0, refused: 0, setAside: 0, crashed: 0 };
    for (let from = 0; from < variants.length; ) {
      const found = await outcomes(file, variants.slice(from));
      for (const [i, line] of found.entries()) {
        if (!line) tally.crashed++;
        if (!line) await expectSetAside(join(scratch, `${i}`));
        else if (line.error !== undefined) tally.refused++;
        else if (line.start === "needsSnapshot") tally.setAside++;
        else {
          expect(contents(line)).toEqual(before);
          tally.same++;
        }
        if (line?.error !== undefined) expect(["corruptStore", "unknownFormat"]).toContain(line.error);
      }
      from += found.length;
      for (const name of readdirSync(scratch)) if (name !== "member") removeFolder(join(scratch, name));
    }
    expect(tally.refused + tally.setAside).toBeGreaterThan(50);
    // A page whose structure is damaged may crash LMDB; it must stay the exception.
    expect(tally.crashed).toBeLessThan(variants.length / 10);
  });

  /** A store that crashes the process at every start is found out after some of them. */
  async function expectSetAside(path: string): Promise<void> {
    for (let start = 0; start < 4; start++) {
      const { said } = await runChild({ do: "inspect", path });
      if (said.at(-1)?.start === "needsSnapshot" || said.at(-1)?.error !== undefined) return;
    }
    throw new Error(`${path} crashes at every start`);
  }

  it("is set aside at the next start when damage was found while reading", async () => {
    const fatal: FatalError[] = [];
    const directory = await openTest(folder, { fatal });
    overwrite(join(folder, "store", "data.mdb"), Buffer.alloc(20_000, 5), Buffer.alloc(20_000, 6));
    expect(() => directory.store.get("cur", Buffer.from("large"))).toThrow("store/ is damaged");
    expect(fatal.map((e) => [e.reason, e.exitCode])).toEqual([["corruptStore", 74]]);
    await directory.close();
    const next = await openTest(folder);
    expect(next.start.kind).toBe("needsSnapshot");
    expect(next.store.get("cur", Buffer.from("large"))).toBeUndefined();
    expect(existsSync(join(folder, "damaged-store", "data.mdb"))).toBe(true);
    expect(next.log.lastIndex()).toBe(90n);
    await next.close();
  });

  it("is scrubbed: damage is found before it is asked for", async () => {
    const fatal: FatalError[] = [];
    const directory = await openTest(folder, { fatal });
    overwrite(join(folder, "store", "data.mdb"), Buffer.from("value 23"), Buffer.from("value 24"));
    const scrub = () => {
      for (let passed = false; !passed; )
        ({ passed } = directory.store.scrubStep({ maxRecords: 10, maxBytes: 1e6 }));
    };
    expect(scrub).toThrow("a record of cur does not match its checksum");
    expect(fatal[0]?.reason).toBe("corruptStore");
    await directory.close();
  });
});

describe("a data file that ends early", () => {
  it("is good when only free pages are missing, and damaged when others are", async () => {
    const directory = await openTest(folder);
    // Pages that are taken and given back in one transaction are never written.
    const many = Array.from({ length: 200 }, (_, i) => put(`many ${i}`, Buffer.alloc(30_000)));
    await directory.store.commit([
      ...many,
      ...many.map(({ table, key }) => ({ table, key, value: undefined })),
    ]);
    const { fileBytes } = directory.store.usage();
    await directory.close();
    const file = join(folder, "store", "data.mdb");
    expect(statSync(file).size).toBeLessThan(fileBytes);
    const next = await openTest(folder);
    expect(next.start).toEqual({ kind: "ready" });
    await next.close();
    truncateSync(file, 5 * 4096);
    const last = await openTest(folder);
    expect(last.start.kind).toBe("needsSnapshot");
    await last.close();
  });
});

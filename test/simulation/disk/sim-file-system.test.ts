import fc from "fast-check";
import { expect, test } from "vitest";
import { Random } from "../world/random.ts";
import { DiskHarness, inWorld, TestLife } from "./disk-harness.ts";
import type { SimFileSystem } from "./sim-file-system.ts";

const folders = ["/a", "/b"];
const paths = folders.flatMap((folder) => ["x", "y", "z"].map((name) => `${folder}/${name}`));

/** What a file may hold after a crash, byte by byte; made by who wrote it, not by the disk. */
class FileModel {
  /** At each position: what was last flushed, and all that was written since. */
  readonly allowed: Set<number>[] = [];
  seen: number[] = [];
  minSize = 0;
  maxSize = 0;

  write(at: number, data: Uint8Array): void {
    for (let i = this.seen.length; i < at; i += 1) this.#set(i, 0);
    data.forEach((byte, i) => void this.#set(at + i, byte));
    this.maxSize = Math.max(this.maxSize, this.seen.length);
  }

  #set(at: number, byte: number): void {
    this.seen[at] = byte;
    // What was never written, or lost, between what was kept, reads as zeros.
    this.allowed[at] ??= new Set([0]);
    this.allowed[at].add(byte);
  }

  truncate(): void {
    this.seen = [];
    this.minSize = 0;
    for (const allowed of this.allowed) allowed.add(0);
  }

  sync(): void {
    this.minSize = this.seen.length;
    this.maxSize = this.seen.length;
    this.allowed.length = 0;
    for (const byte of this.seen) this.allowed.push(new Set([byte]));
  }

  allows(bytes: Buffer): boolean {
    const fits = bytes.byteLength >= this.minSize && bytes.byteLength <= this.maxSize;
    return fits && bytes.every((byte, i) => this.allowed[i]!.has(byte));
  }
}

/** What a name may stand for after a crash: what it stood for when its folder was last flushed, or since. */
class NamesModel {
  readonly seen = new Map<string, FileModel>();
  readonly allowed = new Map<string, Set<FileModel | undefined>>(
    paths.map((path) => [path, new Set([undefined])]),
  );
  set(path: string, file: FileModel | undefined): void {
    if (file === undefined) this.seen.delete(path);
    else this.seen.set(path, file);
    this.allowed.get(path)!.add(file);
  }

  sync(folder: string): void {
    for (const path of paths)
      if (path.startsWith(`${folder}/`)) this.allowed.set(path, new Set([this.seen.get(path)]));
  }
}

interface Step {
  readonly act: "write" | "sync" | "rename" | "remove" | "sync-folder" | "replace";
  readonly path: number;
  readonly to: number;
  readonly at: number;
  readonly size: number;
}

const steps = fc.array(
  fc.record<Step>({
    act: fc.constantFrom("write", "write", "sync", "rename", "remove", "sync-folder", "replace"),
    path: fc.nat(paths.length - 1),
    to: fc.nat(paths.length - 1),
    at: fc.nat(1500),
    size: fc.integer({ min: 1, max: 1500 }),
  }),
  { maxLength: 25 },
);

async function perform(files: SimFileSystem, model: NamesModel, step: Step, random: Random): Promise<void> {
  const path = paths[step.path]!;
  const to = paths[step.to]!;
  const known = model.seen.get(path);
  if (step.act === "sync-folder") {
    await files.syncFolder(path.slice(0, 2));
    model.sync(path.slice(0, 2));
  } else if (step.act === "rename") {
    if (known === undefined || path === to) return;
    model.set(path, undefined);
    model.set(to, known);
    await files.rename(path, to);
  } else if (step.act === "remove") {
    model.set(path, undefined);
    await files.remove(path);
  } else {
    const file = known ?? new FileModel();
    if (known === undefined) model.set(path, file);
    if (step.act === "replace") file.truncate();
    const handle = await files.open(path, known === undefined || step.act === "replace" ? "w" : "r+");
    const data = random.bytes(step.size);
    if (step.act !== "sync") file.write(step.at, data);
    if (step.act !== "sync") await handle.write(data, step.at);
    if (step.act === "sync") await handle.sync();
    if (step.act === "sync") file.sync();
    await handle.close();
  }
}

test(
  "after a crash each file and each name is as it was flushed, or as it was made since (B6, B9)",
  inWorld(() => {
    fc.assert(
      fc.property(steps, fc.nat(), fc.nat(400), (script, seed, callsLeft) => {
        const harness = new DiskHarness(seed);
        const life = new TestLife();
        const files = harness.disk.machine(life).files as SimFileSystem;
        const model = new NamesModel();
        harness.must(async () => {
          for (const folder of folders) await files.makeFolder(folder);
          await files.syncFolder("/");
        });
        let calls = callsLeft;
        harness.disk.onCall = () => {
          calls -= 1;
          if (calls === 0) harness.crash(life);
        };
        const random = new Random(seed, "data");
        harness.run(async () => {
          for (const step of script) await perform(files, model, step, random);
        }, life);
        harness.disk.onCall = undefined;
        if (!life.isOver) harness.crash(life);
        const after = harness.disk.machine(new TestLife()).files;
        for (const path of paths) {
          const bytes = harness.must(() => after.readFile(path));
          const allowed = [...model.allowed.get(path)!];
          if (bytes === undefined) expect(allowed).toContain(undefined);
          else expect(allowed.some((file) => file?.allows(bytes))).toBe(true);
        }
      }),
      { numRuns: 600 },
    );
  }),
);

/** The outcomes of a script over many seeds, each after a crash. */
function outcomes(
  script: (files: SimFileSystem) => Promise<void>,
  look: (files: SimFileSystem) => Promise<string>,
): Set<string> {
  const found = new Set<string>();
  for (let seed = 1; seed <= 200; seed += 1) {
    const harness = new DiskHarness(seed);
    const life = new TestLife();
    harness.must(() => script(harness.disk.machine(life).files as SimFileSystem));
    harness.crash(life);
    found.add(harness.must(() => look(harness.disk.machine(new TestLife()).files as SimFileSystem)));
  }
  return found;
}

async function putFile(files: SimFileSystem, path: string, text: string): Promise<void> {
  const file = await files.open(path, "w");
  await file.write(Buffer.from(text), 0);
  await file.sync();
  await file.close();
}

const read = async (files: SimFileSystem, path: string): Promise<string> =>
  (await files.readFile(path))?.toString() ?? "-";

test(
  "a rename that was not flushed is lost or kept, and never half of it (B9)",
  inWorld(() => {
    const script = async (files: SimFileSystem): Promise<void> => {
      await files.makeFolder("/f");
      await files.makeFolder("/g");
      await putFile(files, "/f/new", "new");
      await putFile(files, "/g/old", "old");
      for (const folder of ["/", "/f", "/g"]) await files.syncFolder(folder);
      await files.rename("/f/new", "/g/old");
    };
    const look = async (files: SimFileSystem): Promise<string> =>
      `${await read(files, "/f/new")} ${await read(files, "/g/old")}`;
    expect(outcomes(script, look)).toEqual(new Set(["new old", "- new"]));
    const flushed = async (files: SimFileSystem): Promise<void> => {
      await script(files);
      await files.syncFolder("/g");
    };
    expect(outcomes(flushed, look)).toEqual(new Set(["- new"]));
  }),
);

test(
  "names in different places survive in any order; of one name, the earlier comes first (B9)",
  inWorld(() => {
    const script = async (files: SimFileSystem): Promise<void> => {
      await files.makeFolder("/f");
      await files.syncFolder("/");
      await putFile(files, "/f/1", "a");
      await putFile(files, "/f/2", "b");
      await files.rename("/f/1", "/f/3");
    };
    const look = async (files: SimFileSystem): Promise<string> => (await files.list("/f")).join("");
    expect(outcomes(script, look)).toEqual(new Set(["", "1", "2", "12", "3", "23"]));
  }),
);

test(
  "what took the name of a file that was moved does not come before the move (B9)",
  inWorld(() => {
    const script = async (files: SimFileSystem): Promise<void> => {
      await files.makeFolder("/f");
      await files.syncFolder("/");
      await putFile(files, "/f/x", "old");
      await files.syncFolder("/f");
      await files.rename("/f/x", "/f/y");
      await putFile(files, "/f/x", "new");
    };
    const look = async (files: SimFileSystem): Promise<string> =>
      `${await read(files, "/f/x")} ${await read(files, "/f/y")}`;
    expect(outcomes(script, look)).toEqual(new Set(["old -", "- old", "new old"]));
  }),
);

test(
  "a flush covers what was written before it began, and no more (B5)",
  inWorld(() => {
    const found = new Set<string>();
    for (let seed = 1; seed <= 40; seed += 1) {
      const harness = new DiskHarness(seed);
      const life = new TestLife();
      const files = harness.disk.machine(life).files as SimFileSystem;
      harness.must(async () => {
        const file = await files.open("/x", "w");
        await file.write(Buffer.from("before"), 0);
        await files.syncFolder("/");
        harness.disk.freeze();
        const flushed = file.sync();
        await file.write(Buffer.from("BEHIND"), 0);
        harness.disk.thaw();
        await flushed;
      });
      harness.crash(life);
      const after = harness.disk.machine(new TestLife()).files as SimFileSystem;
      found.add(harness.must(() => read(after, "/x")));
    }
    expect(found).toContain("before");
    expect(found).toContain("BEHIND");
  }),
);

test(
  "bytes that were not flushed are lost, kept or torn; a flush keeps them (B6)",
  inWorld(() => {
    const script = async (files: SimFileSystem): Promise<void> => {
      await files.makeFolder("/f");
      await files.syncFolder("/");
      await putFile(files, "/f/x", "A".repeat(1024));
      await files.syncFolder("/f");
      const file = await files.open("/f/x", "r+");
      await file.write(Buffer.from("B".repeat(1024)), 0);
    };
    const look = async (files: SimFileSystem): Promise<string> => read(files, "/f/x");
    const found = outcomes(script, look);
    expect(found).toContain("A".repeat(1024));
    expect(found).toContain("B".repeat(1024));
    expect(found).toContain("A".repeat(512) + "B".repeat(512));
    expect([...found].some((text) => /^B+A+$/.test(text) && text.indexOf("A") % 512 !== 0)).toBe(true);
  }),
);

test(
  "after a flush that failed the same bytes never become durable, though a later flush says so (B5)",
  inWorld(() => {
    const script = async (files: SimFileSystem, fail: () => void): Promise<void> => {
      await files.makeFolder("/data/incoming");
      await files.syncFolder("/");
      await files.syncFolder("/data");
      await putFile(files, "/data/incoming/data.mdb", "old");
      await files.syncFolder("/data/incoming");
      const file = await files.open("/data/incoming/data.mdb", "r+");
      await file.write(Buffer.from("new"), 0);
      fail();
      await expect(file.sync()).rejects.toThrow("EIO");
      await file.sync();
    };
    for (let seed = 1; seed <= 20; seed += 1) {
      const harness = new DiskHarness(seed);
      const life = new TestLife();
      const files = harness.disk.machine(life).files as SimFileSystem;
      harness.must(() => script(files, () => harness.disk.failNextFlush("snapshot")));
      expect(harness.must(() => read(files, "/data/incoming/data.mdb"))).toBe("new");
      expect(harness.disk.explains("diskFailed")).toBe(true);
      harness.crash(life);
      const after = harness.disk.machine(new TestLife()).files as SimFileSystem;
      expect(harness.must(() => read(after, "/data/incoming/data.mdb"))).toBe("old");
      expect(harness.disk.explains("diskFailed")).toBe(false);
    }
  }),
);

test(
  "a full disk takes what there is room for and refuses the rest (B11)",
  inWorld(() => {
    const harness = new DiskHarness(1);
    const files = harness.disk.machine(new TestLife()).files as SimFileSystem;
    harness.must(() => files.makeFolder("/f"));
    harness.disk.setFreeBytes(1000);
    const outcome = harness.run(() => files.writeFile("/f/x", Buffer.alloc(1500, 1)));
    expect(outcome).toMatchObject({ kind: "failed", error: { code: "ENOSPC" } });
    expect(harness.must(() => files.stat("/f/x"))).toEqual({ sizeBytes: 1000, isFolder: false });
    expect(harness.must(() => files.space("/f")).freeBytes).toBe(0);
    expect(harness.disk.explains("diskFull")).toBe(true);
    harness.must(() => files.remove("/f/x"));
    expect(harness.must(() => files.space("/f")).freeBytes).toBe(1000);
    harness.disk.setFreeBytes(undefined);
    harness.must(() => files.writeFile("/f/x", Buffer.alloc(1500, 1)));
  }),
);

test(
  "a frozen disk answers no flush until it thaws, and other calls meanwhile",
  inWorld(() => {
    const harness = new DiskHarness(1);
    const files = harness.disk.machine(new TestLife()).files as SimFileSystem;
    harness.disk.freeze();
    let flushed = false;
    harness.must(async () => {
      await files.makeFolder("/f");
      void files.syncFolder("/").then(() => {
        flushed = true;
      });
    });
    expect(harness.must(() => files.list("/"))).toEqual(["f"]);
    while (harness.world.step(harness.world.nowUs + 60_000_000));
    expect(flushed).toBe(false);
    harness.disk.thaw();
    while (harness.world.step(harness.world.nowUs + 60_000_000));
    expect(flushed).toBe(true);
    expect(harness.coverage.get("disk.stalled")).toBe(1);
  }),
);

test(
  "nothing of a life happens after it, and what it is told waits while it is paused",
  inWorld(() => {
    const harness = new DiskHarness(1);
    const life = new TestLife();
    const files = harness.disk.machine(life).files as SimFileSystem;
    let heard = 0;
    life.isPaused = true;
    void files.makeFolder("/f").then(() => {
      heard += 1;
    });
    while (harness.world.step(1_000_000));
    expect(heard).toBe(0);
    expect(harness.must(() => harness.disk.machine(new TestLife()).files.list("/"))).toEqual(["f"]);
    life.resume();
    while (harness.world.step(2_000_000));
    expect(heard).toBe(0);
    harness.must(async () => {});
    expect(heard).toBe(1);
    void files.makeFolder("/g").then(() => {
      heard += 1;
    });
    life.isOver = true;
    while (harness.world.step(3_000_000));
    expect(harness.must(() => harness.disk.machine(new TestLife()).files.list("/"))).toEqual(["f"]);
    expect(heard).toBe(1);
  }),
);

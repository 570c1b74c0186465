import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { FatalError } from "../errors.ts";
import type { FileSystem, Machine, TableEngine } from "./machine.types.ts";
import { systemMachine } from "./system/system-machine.ts";
import { clusterId, entriesOf, openTest, removeFolder, seed, temporaryFolder } from "./testing/fixtures.ts";
import type { DataDirectory } from "./types.ts";

let folder: string;
let directory: DataDirectory | undefined;
let fatal: FatalError[];

beforeEach(() => {
  folder = temporaryFolder();
  fatal = [];
});

afterEach(async () => {
  await directory?.close().catch(() => undefined);
  directory = undefined;
  removeFolder(folder);
});

function refusal(code: string | number): Error {
  return Object.assign(new Error(`refused with ${code}`), { code });
}

function withFiles(files: Partial<FileSystem>): Machine {
  return { ...systemMachine, files: { ...systemMachine.files, ...files } };
}

/** The first batch of a life is the count of starts; `failing` says whether those after it fail, and how. */
function withBatches(failing: () => string | number | undefined): Machine {
  return {
    ...systemMachine,
    openTables(file, tables) {
      const engine: TableEngine = systemMachine.openTables(file, tables);
      const { batch } = engine;
      engine.batch = (write) => {
        const code = failing();
        return code === undefined ? batch.call(engine, write) : Promise.reject(refusal(code));
      };
      return engine;
    },
  };
}

async function open(machine: Machine): Promise<DataDirectory> {
  directory = await openTest(folder, { machine, fatal });
  return directory;
}

describe("a commit that the machine refuses ends the process", () => {
  it.each([
    ["EIO", "diskFailed"],
    ["ENOSPC", "diskFull"],
    [28, "diskFull"],
    [5, "diskFailed"],
    [-30796, "corruptLog"],
  ] as const)("with %s as %s (B5)", async (code, reason) => {
    let failing = false;
    const { log } = await open(withBatches(() => (failing ? code : undefined)));
    failing = true;
    const append = log.append({ hardState: undefined, entries: entriesOf(1, 1) });
    await expect(append).rejects.toMatchObject({ reason });
    expect(fatal.map((error) => error.reason)).toEqual([reason]);
  });
});

it("a superblock that is not flushed ends the process (B5)", async () => {
  let failing = false;
  const { files } = systemMachine;
  const machine = withFiles({
    async open(path, mode) {
      const file = await files.open(path, mode);
      const { sync } = file;
      file.sync = () => (failing ? Promise.reject(refusal("EIO")) : sync.call(file));
      return file;
    },
  });
  await open(machine);
  failing = true;
  await expect(directory!.stampCluster(clusterId)).rejects.toMatchObject({ reason: "diskFailed" });
  expect(fatal.map((error) => error.reason)).toEqual(["diskFailed"]);
});

it("a reset that stops half way ends the process, and the next start finishes it", async () => {
  let renames = 0;
  const { files } = systemMachine;
  const machine = withFiles({
    rename(from, to) {
      renames += 1;
      return renames > 1 ? Promise.reject(refusal("EIO")) : files.rename(from, to);
    },
  });
  await open(machine);
  await seed(directory!, 3, 2);
  const { memberId } = directory!.identity;
  const reset = directory!.reset({ clusterId, memberId, removedIndex: 9n });
  await expect(reset).rejects.toMatchObject({ reason: "diskFailed" });
  expect(fatal.map((error) => error.reason)).toEqual(["diskFailed"]);
});

it("a mark that cannot be read is not taken for one that is not there (B7)", async () => {
  await (await open(systemMachine)).close();
  const { files } = systemMachine;
  const machine = withFiles({
    readFile: (path) => (path.endsWith("damaged") ? Promise.reject(refusal("EIO")) : files.readFile(path)),
  });
  await expect(openTest(folder, { machine })).rejects.toMatchObject({ reason: "diskFailed" });
});

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeClaim } from "./claim.ts";
import { readKeeperFile, writeKeeperFile } from "./keeper-file.ts";
import { type AskedSettings, openStore } from "./open-store.ts";
import { readStatusFile, writeStatusFile } from "./status-file.ts";
import { storeFilePath } from "./store-file.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "rstore-open-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Ports of its own, which nobody listens on. */
const ports = { clientPort: 31_401, peerPort: 31_411, metricsPort: 31_421 };

function open(asked: AskedSettings) {
  const isFirst = !existsSync(join(folder, "processes.json"));
  return openStore(folder, { ...(isFirst ? ports : {}), ...asked }, 0);
}

test("the first start makes the files with three replicas, and remembers what was asked for", async () => {
  const { keeper, resource } = await open({});
  expect(keeper).toEqual({ version: 1, ...ports, kept: 0 });
  expect([resource.spec.replicas, resource.metadata.generation]).toEqual([3, 1]);
  expect(readKeeperFile(folder)).toEqual(keeper);
  expect(readStatusFile(folder)).toEqual(resource);
  expect(await open({})).toMatchObject({ keeper, resource });
});

test("another number at the next start is a new generation, and stands in the file", async () => {
  await open({ replicas: 3 });
  const { resource } = await open({ replicas: 5 });
  expect([resource.spec.replicas, resource.metadata.generation]).toEqual([5, 2]);
  expect(readFileSync(storeFilePath(folder), "utf8")).toMatch(/^ {2}replicas: 5$/m);
  expect((await open({})).resource).toEqual(resource);
});

test("status and the process count survive edits between runs; a deleted file is made anew from the last spec", async () => {
  const { resource, keeper } = await open({ replicas: 1 });
  writeStatusFile(folder, { ...resource, status: { clusterId: "0123456789abcdef" } });
  writeKeeperFile(folder, { ...keeper, kept: 1 });
  rmSync(storeFilePath(folder));
  const again = await open({});
  expect([again.resource.status.clusterId, again.resource.spec.replicas, again.keeper.kept]).toEqual([
    "0123456789abcdef",
    1,
    1,
  ]);
  expect(existsSync(storeFilePath(folder))).toBe(true);
});

test("a wrong file: the last good spec goes on; without one it is refused", async () => {
  const { resource } = await open({});
  writeFileSync(storeFilePath(folder), "a: [");
  expect((await open({})).resource).toEqual(resource);
  await expect(open({ replicas: 5 })).rejects.toThrow(/has to be put right first/);
  rmSync(join(folder, "status.json"));
  await expect(open({})).rejects.toThrow(/store.yaml is refused/);
});

test("without processes.json a process is kept on each data directory that is there", async () => {
  await open({});
  rmSync(join(folder, "processes.json"));
  makeClaim(join(folder, "replica-3"));
  expect((await open({})).keeper.kept).toBe(4);
});

test("ports that overlap, ports of another start and files of an earlier version are refused", async () => {
  await expect(open({ clientPort: 31_410 })).rejects.toThrow(/port 31411 is meant for/);
  await open({});
  await expect(open({ peerPort: 31_511 })).rejects.toThrow(/was set up with --peer-port 31411/);
  writeFileSync(join(folder, "cluster.json"), "{}");
  await expect(open({})).rejects.toThrow(/earlier version .*--data/);
});

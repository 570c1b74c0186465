import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { claimUid, makeClaim } from "./claim.ts";
import { type KeeperFile, readKeeperFile, writeKeeperFile } from "./keeper-file.ts";
import { ReplicaSet } from "./replica-set.ts";

const first: KeeperFile = { version: 1, clientPort: 14_001, peerPort: 14_101, metricsPort: 14_201, kept: 0 };

let folder: string;
let launcher: string;
const sets: ReplicaSet[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "rstore-set-"));
  launcher = join(folder, "replica.mjs");
  writeFileSync(launcher, "process.stdin.resume(); setInterval(() => {}, 1000);");
  writeKeeperFile(folder, first);
});
afterEach(async () => {
  for (const set of sets.splice(0)) {
    set.kill();
    await set.stop();
  }
  rmSync(folder, { recursive: true });
});

function open(): ReplicaSet {
  const set = new ReplicaSet({
    folder,
    keeper: readKeeperFile(folder)!,
    template: { flags: [], hash: "abc" },
    launcher,
    logLevel: "warn",
    onLine: () => {},
    onNote: () => {},
  });
  sets.push(set);
  return set;
}

const poll = (probe: () => unknown) => expect.poll(probe, { timeout: 20_000 });
const running = (set: ReplicaSet) => set.slots().filter((slot) => set.process(slot) !== undefined);
const dir = (slot: number) => join(folder, `replica-${slot}`);

test("slots that are kept are kept by the next run as well: its members may need them for a quorum (E3)", async () => {
  const set = open();
  set.keepThrough(2);
  expect(running(set)).toEqual([0, 1, 2]);
  set.kill();
  const next = open();
  expect(next.kept).toBe(3);
  next.tend();
  expect(running(next)).toEqual([0, 1, 2]);
});

test("slots above are ended, and their directories stay", async () => {
  const set = open();
  set.keepThrough(2);
  const uid = set.claim(2);
  set.keepBelow(1);
  expect(readKeeperFile(folder)?.kept).toBe(1);
  await poll(() => running(set)).toEqual([0]);
  expect(set.slots()).toEqual([0, 1, 2]);
  expect(claimUid(dir(2))).toBe(uid);
});

test("a restart ends the process that was meant and no other; the slot gets another one", async () => {
  const set = open();
  set.keepThrough(0);
  const { uid } = set.process(0)!;
  set.restart(0, "another", "delete");
  expect(set.process(0)!.isStopping).toBe(false);
  set.restart(0, uid, "delete");
  expect(set.process(0)!.isStopping).toBe(true);
  await poll(() => set.process(0)).toBeUndefined();
  set.tend();
  expect(set.process(0)!.uid).not.toBe(uid);
});

test("a process whose directory was deleted or exchanged has none, and the next one has what is there (B1)", async () => {
  const set = open();
  set.keepThrough(0);
  expect(set.claim(0)).toBe(claimUid(dir(0)));
  rmSync(dir(0), { recursive: true });
  expect(set.claim(0)).toBeUndefined();
  const other = makeClaim(dir(0));
  expect(set.claim(0)).toBeUndefined();
  set.restart(0, set.process(0)!.uid, "force");
  await poll(() => set.process(0)).toBeUndefined();
  set.tend();
  expect(set.claim(0)).toBe(other);
});

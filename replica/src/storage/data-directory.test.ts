import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  appliedWrites,
  clusterId,
  decodeConfiguration,
  digest,
  encodeConfiguration,
  entriesOf,
  hardState,
  openTest,
  put,
  removeFolder,
  seed,
  temporaryFolder,
} from "./testing/fixtures.ts";
import { runChild, startChild } from "./testing/run-child.ts";
import type { DataDirectory } from "./types.ts";

let folder: string;
const opened: DataDirectory[] = [];

beforeEach(() => {
  folder = temporaryFolder();
});

afterEach(async () => {
  for (const directory of opened.splice(0)) await directory.close();
  removeFolder(folder);
});

async function open(path = folder, options: Parameters<typeof openTest>[1] = {}): Promise<DataDirectory> {
  const directory = await openTest(path, options);
  opened.push(directory);
  return directory;
}

const at = (...names: string[]): string => join(folder, ...names);

async function seeded(entries: number, applied: number): Promise<void> {
  const directory = await open();
  await seed(directory, entries, applied);
  await directory.close();
}

describe("identity", () => {
  it("is drawn once on a blank disk, which belongs to no cluster and has no vote (B1)", async () => {
    const path = at("new", "directory");
    const first = await open(path);
    const { memberId } = first.identity;
    expect(memberId).not.toBe(0n);
    expect(first.identity).toMatchObject({ clusterId: undefined, incarnation: 1n, removedIndex: undefined });
    expect(first.log.initialState()).toMatchObject({ hardState: hardState(0, 0n, 0), appliedIndex: 0n });
    expect(first.log.initialState().configuration.configuration.voters).toEqual([]);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    await first.close();
    const second = await open(path);
    expect(second.identity).toMatchObject({ memberId, incarnation: 2n });
  });

  it("never is 0", async () => {
    const draws = [Buffer.alloc(8), Buffer.from([5, 0, 0, 0, 0, 0, 0, 0])];
    const directory = await open(folder, { randomBytes: () => draws.shift()! });
    expect(directory.identity.memberId).toBe(5n);
  });

  it("belongs to one cluster for ever (B3)", async () => {
    const directory = await open();
    await directory.stampCluster(clusterId);
    await directory.stampCluster(clusterId);
    await expect(directory.stampCluster(5n)).rejects.toMatchObject({ code: "wrongCluster" });
    await directory.close();
    expect((await open()).identity.clusterId).toBe(clusterId);
  });

  it("keeps what is written at the same moment", async () => {
    const directory = await open();
    await Promise.all([
      directory.stampCluster(clusterId),
      directory.markJoined(4n),
      directory.markRemoved(9n),
    ]);
    await directory.markJoined(5n);
    await directory.close();
    expect((await open()).identity).toMatchObject({ clusterId, joinedIndex: 4n, removedIndex: 9n });
  });
});

describe("bootstrap", () => {
  it("stamps, votes and appends the first configuration in one transaction, once (B3)", async () => {
    const directory = await open();
    const { memberId } = directory.identity;
    await directory.bootstrap(clusterId, encodeConfiguration([memberId]));
    await directory.bootstrap(clusterId, encodeConfiguration([memberId]));
    await expect(directory.bootstrap(5n, encodeConfiguration([memberId]))).rejects.toMatchObject({
      code: "wrongCluster",
    });
    await directory.close();
    const { log, identity } = await open();
    expect(identity).toMatchObject({ clusterId, joinedIndex: 1n });
    expect(log.initialState().hardState).toEqual(hardState(1, memberId, 1));
    const [entry, ...more] = log.entries(1n, 2n, 1000);
    expect(more).toEqual([]);
    expect(entry).toMatchObject({ index: 1n, term: 1n, type: "configuration" });
    expect(decodeConfiguration(entry!.data).voters).toEqual([memberId]);
    expect(log.lastIndex()).toBe(1n);
  });

  it("is refused by a member that was added to a cluster, or has voted", async () => {
    const directory = await open();
    await directory.log.append({ hardState: hardState(3, 5n, 0), entries: [] });
    const bootstrap = () =>
      directory.bootstrap(clusterId, encodeConfiguration([directory.identity.memberId]));
    await expect(bootstrap()).rejects.toMatchObject({ code: "alreadyInitialized" });
    await directory.stampCluster(clusterId);
    await expect(bootstrap()).rejects.toMatchObject({ code: "alreadyInitialized" });
  });
});

describe("the lock", () => {
  it("refuses a second opening in the same process and in another (E9)", async () => {
    const directory = await open();
    await expect(openTest(folder)).rejects.toMatchObject({ reason: "directoryLocked", exitCode: 70 });
    const { code, said } = await runChild({ do: "inspect", path: folder });
    expect([code, said[0]!.error]).toEqual([70, "directoryLocked"]);
    await directory.close();
    await open();
  });

  it("is gone when its process is killed", async () => {
    const child = startChild({ do: "hold", path: folder });
    await child.saidThat((line) => line.holding === true);
    await expect(openTest(folder)).rejects.toMatchObject({ reason: "directoryLocked" });
    child.process.kill("SIGKILL");
    await child.ended;
    await open();
  });
});

describe("unusable directories", () => {
  it("names what is wrong with a path that is no directory", async () => {
    writeFileSync(at("file"), "");
    await expect(openTest(at("file"))).rejects.toMatchObject({ reason: "directoryUnusable", exitCode: 72 });
    await expect(openTest(at("file", "below"))).rejects.toMatchObject({ reason: "directoryUnusable" });
  });

  it("refuses a read-only file system (B11)", async ({ skip }) => {
    const mounted = mountReadOnly(folder);
    if (!mounted) return skip("needs root to mount: not run");
    try {
      await expect(openTest(folder)).rejects.toMatchObject({ reason: "directoryUnusable" });
    } finally {
      execFileSync("umount", [folder]);
    }
  });
});

function mountReadOnly(path: string): boolean {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "ro,size=1m", "none", path], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

describe("the rules of start", () => {
  it("discards a log that lacks what is applied: a crash between install and reset (A15)", async () => {
    await seeded(10, 5);
    const directory = await open();
    await directory.store.commit(appliedWrites(40, 3, clusterId));
    await directory.close();
    const { log, start, notes } = await open();
    expect(start).toEqual({ kind: "ready" });
    expect(notes.join()).toContain("the log is discarded");
    expect([log.firstIndex(), log.lastIndex(), log.term(40n)]).toEqual([41n, 40n, 3n]);
    expect(log.initialState()).toMatchObject({
      appliedIndex: 40n,
      hardState: { term: 1n, vote: 7n, commit: 40n },
    });
  });

  it("discards a log whose entry at the applied index has another term", async () => {
    await seeded(10, 5);
    const directory = await open();
    await directory.store.commit(appliedWrites(8, 2, clusterId));
    await directory.close();
    const { log } = await open();
    expect([log.firstIndex(), log.lastIndex(), log.term(8n)]).toEqual([9n, 8n, 2n]);
  });

  it("keeps the log beyond the applied index when they match", async () => {
    await seeded(10, 5);
    const { log } = await open();
    expect([log.firstIndex(), log.lastIndex()]).toEqual([1n, 10n]);
  });

  it("refuses a store that is older than the log's beginning (B2)", async () => {
    await seeded(100, 20);
    cpSync(at("store"), at("old-store"), { recursive: true });
    const directory = await open();
    await directory.store.commit(appliedWrites(90, 1, clusterId));
    await directory.log.compact(80n);
    await directory.close();
    rmSync(at("store"), { recursive: true });
    cpSync(at("old-store"), at("store"), { recursive: true });
    await expect(openTest(folder)).rejects.toMatchObject({ reason: "corruptStore" });
  });

  it("replays the log when the store is lost and the log is whole", async () => {
    await seeded(10, 5);
    rmSync(at("store"), { recursive: true });
    const { log, start } = await open();
    expect(start).toEqual({ kind: "ready" });
    expect(log.initialState()).toMatchObject({
      appliedIndex: 0n,
      hardState: { term: 1n, vote: 7n, commit: 10n },
    });
    expect(log.lastIndex()).toBe(10n);
  });

  it("needs a snapshot when the store is lost and the log compacted; term, vote and log stay (B7)", async () => {
    await seeded(100, 60);
    const directory = await open();
    await directory.log.compact(50n);
    await directory.close();
    rmSync(at("store"), { recursive: true });
    const { log, start } = await open();
    expect(start).toMatchObject({
      kind: "needsSnapshot",
      minIndex: 50n,
      configuration: { index: 1n, configuration: { voters: [1n, 2n, 3n] } },
    });
    expect([log.firstIndex(), log.lastIndex()]).toEqual([51n, 100n]);
    expect(log.durablePosition()).toEqual({ term: 1n, lastIndex: 100n, commit: 100n });
    expect(() => log.initialState()).toThrow("a snapshot is needed first");
    await opened.pop()!.close();
    expect((await open()).start).toEqual(start);
  });
});

describe("what must not go back", () => {
  it("refuses an older copy of raft/ put in its place (B2, B10)", async () => {
    await seeded(10, 5);
    cpSync(at("raft"), at("old-raft"), { recursive: true });
    const directory = await open();
    await directory.log.append({ hardState: hardState(2, 5n, 12), entries: entriesOf(11, 12, 2) });
    await directory.close();
    rmSync(at("raft"), { recursive: true });
    cpSync(at("old-raft"), at("raft"), { recursive: true });
    await expect(openTest(folder)).rejects.toMatchObject({ reason: "corruptLog", exitCode: 73 });
  });

  it("refuses a directory put together from two members (B1)", async () => {
    await seeded(10, 5);
    const other = await open(at("other"));
    await other.stampCluster(clusterId);
    await other.close();
    copyFileSync(at("other", "superblock"), at("superblock"));
    await expect(openTest(folder)).rejects.toMatchObject({ reason: "wrongDirectory", exitCode: 71 });
  });

  it("refuses a store of another cluster (B3)", async () => {
    await seeded(10, 5);
    const other = await open(at("other"));
    await other.stampCluster(77n);
    await other.store.commit(appliedWrites(3, 1, 77n));
    await other.close();
    rmSync(at("store"), { recursive: true });
    cpSync(at("other", "store"), at("store"), { recursive: true });
    await expect(openTest(folder)).rejects.toMatchObject({ reason: "wrongDirectory" });
  });

  it("does without a lost superblock, and says so", async () => {
    await seeded(10, 5);
    rmSync(at("superblock"));
    const { notes, log } = await open();
    expect(notes.join()).toContain("superblock");
    expect(log.lastIndex()).toBe(10n);
  });
});

describe("a first start that is cut off", () => {
  it("leaves a directory that is still blank", async () => {
    mkdirSync(at("raft"));
    writeFileSync(at("raft", "data.mdb"), "");
    const directory = await open();
    expect(directory.identity.incarnation).toBe(1n);
    await directory.store.commit([put("a", "1")]);
    expect(digest(directory.store)).toBeTruthy();
  });
});

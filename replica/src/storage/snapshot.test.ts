import { existsSync, readdirSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { FatalError } from "../errors.ts";
import {
  appliedWrites,
  clusterId,
  digest,
  entriesOf,
  hardState,
  key,
  openTest,
  put,
  removeFolder,
  temporaryFolder,
  transfer,
} from "./testing/fixtures.ts";
import { overwrite } from "./testing/overwrite.ts";
import { runChild } from "./testing/run-child.ts";
import type { DataDirectory, SnapshotChunk, SnapshotDescription } from "./types.ts";

const snapshotChunkBytes = 256 * 1024;

let scratch: string;
let leader: DataDirectory;
let follower: DataDirectory;
const path = (name: string): string => join(scratch, name);

beforeEach(async () => {
  scratch = temporaryFolder();
  leader = await openTest(path("leader"));
  await leader.stampCluster(clusterId);
  await leader.log.append({ hardState: hardState(2, 7n, 500), entries: entriesOf(1, 600, 2) });
  await fill(leader, 500, 2000);
  follower = await openTest(path("follower"));
  await follower.stampCluster(clusterId);
  await follower.log.append({ hardState: hardState(1, 7n, 5), entries: entriesOf(1, 8, 1) });
  await follower.store.commit(appliedWrites(5, 1, clusterId, [put("stale", "1")]));
});

afterEach(async () => {
  await leader.close();
  await follower.close();
  removeFolder(scratch);
});

async function fill(directory: DataDirectory, index: number, keys: number): Promise<void> {
  const writes = Array.from({ length: keys }, (_, i) => put(key(i), Buffer.alloc(800, i)));
  await directory.store.commit(appliedWrites(index, 2, clusterId, writes));
}

async function chunksOf(description: SnapshotDescription, offset = 0): Promise<SnapshotChunk[]> {
  const found: SnapshotChunk[] = [];
  for await (const chunk of leader.snapshots.read(description.snapshotId, offset)!) found.push(chunk);
  return found;
}

describe("making a snapshot", () => {
  it("copies the store as it was at one applied index, while commits go on", async () => {
    const before = digest(leader.store);
    const creating = leader.snapshots.create();
    const commit = leader.store.commit(appliedWrites(501, 2, clusterId, [put("later", "1")]));
    const description = await creating;
    await commit;
    expect([500n, 501n]).toContain(description.snapshot.index);
    expect(description.snapshot.term).toBe(2n);
    expect(description.snapshot.configuration.configuration.voters).toEqual([1n, 2n, 3n]);
    if (description.snapshot.index === 500n) {
      await transfer(leader, follower, description);
      await follower.install(await follower.incoming.finish());
      expect(digest(follower.store)).toBe(before);
    }
  });

  it("makes one at a time and shares it", async () => {
    const [a, b] = await Promise.all([leader.snapshots.create(), leader.snapshots.create()]);
    expect(a.snapshotId).toBe(b.snapshotId);
    expect(leader.snapshots.current()).toBe(a);
    expect(readdirSync(path("leader/snapshots"))).toEqual([a.snapshotId]);
  });

  it("keeps an old one for those who read it, and no longer", async () => {
    const old = await leader.snapshots.create();
    const reading = leader.snapshots.read(old.snapshotId, 0)![Symbol.asyncIterator]();
    await reading.next();
    const young = await leader.snapshots.create();
    expect(leader.snapshots.read(old.snapshotId, 0)).toBeUndefined();
    expect((await reading.next()).value.offset).toBe(snapshotChunkBytes);
    expect(readdirSync(path("leader/snapshots")).sort()).toEqual([old.snapshotId, young.snapshotId].sort());
    await reading.return!();
    expect(readdirSync(path("leader/snapshots"))).toEqual([young.snapshotId]);
    await leader.snapshots.discard();
    expect(readdirSync(path("leader/snapshots"))).toEqual([]);
  });

  it("carries no damage to others: every record is read before (B7)", async () => {
    await leader.close();
    const fatal: FatalError[] = [];
    leader = await openTest(path("leader"), { fatal });
    overwrite(join(path("leader"), "store", "data.mdb"), Buffer.alloc(800, 199), Buffer.alloc(800, 200));
    await expect(leader.snapshots.create()).rejects.toThrow("does not match its checksum");
    expect(fatal.map(({ reason }) => reason)).toEqual(["corruptStore"]);
    expect(leader.snapshots.current()).toBeUndefined();
    expect(existsSync(join(path("leader"), "store", "damaged"))).toBe(true);
  });

  it("is given up when the process ends", async () => {
    const creating = leader.snapshots.create();
    await leader.close();
    await expect(creating).rejects.toThrow("the process ends");
  });

  it("is refused when the disk has no room (B11)", async () => {
    await leader.close();
    let freeBytes = 1e12;
    leader = await openTest(path("leader"), {
      faults: { statfs: async () => ({ freeBytes, totalBytes: 1e12 }) },
    });
    freeBytes = leader.store.usage().usedBytes + 1024;
    await expect(leader.snapshots.create()).rejects.toMatchObject({ code: "noSpace" });
    freeBytes = 1e12;
    await leader.snapshots.create();
  });

  it("leaves nothing behind after a restart", async () => {
    await leader.snapshots.create();
    const { said } = await runChild({ do: "inspect", path: path("leader") });
    expect(said.at(-1)!.error).toBe("directoryLocked");
    writeFileSync(path("leader/snapshots/leftover"), "");
    await leader.close();
    leader = await openTest(path("leader"));
    expect(leader.snapshots.current()).toBeUndefined();
    expect(existsSync(path("leader/snapshots"))).toBe(false);
  });
});

describe("receiving and installing", () => {
  it("swaps the store and begins the log after the snapshot; term and vote stay (A15)", async () => {
    const description = await leader.snapshots.create();
    await transfer(leader, follower, description);
    const received = await follower.incoming.finish();
    const view = follower.store.pin();
    expect(String(follower.store.get("cur", Buffer.from("stale")))).toBe("1");
    let atSwap: string | undefined;
    await follower.install(received, () => {
      atSwap = digest(follower.store);
    });
    expect(atSwap).toBe(digest(leader.store));
    expect(String(view.get("cur", Buffer.from("stale")))).toBe("1");
    view.close();
    const { log } = follower;
    expect([log.firstIndex(), log.lastIndex(), log.term(500n)]).toEqual([501n, 500n, 2n]);
    expect(log.initialState()).toMatchObject({
      appliedIndex: 500n,
      hardState: { term: 1n, vote: 7n, commit: 500n },
    });
    await log.append({ hardState: hardState(2, 0n, 501), entries: entriesOf(501, 502, 2) });
    await follower.store.commit(appliedWrites(501, 2, clusterId, [put("new", "1")]));
    await follower.close();
    follower = await openTest(path("follower"));
    expect(follower.log.initialState()).toMatchObject({ appliedIndex: 501n });
    expect(follower.log.lastIndex()).toBe(502n);
    expect(String(follower.store.get("cur", Buffer.from("new")))).toBe("1");
    expect(follower.store.get("cur", Buffer.from("stale"))).toBeUndefined();
  });

  it("installs two that arrive close together (A16)", async () => {
    for (const index of [500, 550]) {
      await fill(leader, index, 10);
      const description = await leader.snapshots.create();
      await transfer(leader, follower, description);
      await follower.install(await follower.incoming.finish());
      expect(follower.log.lastIndex()).toBe(BigInt(index));
    }
    expect(digest(follower.store)).toBe(digest(leader.store));
  });

  it("goes on where it stopped, also after a restart", async () => {
    const description = await leader.snapshots.create();
    await transfer(leader, follower, description, 3 * snapshotChunkBytes);
    expect(await follower.incoming.begin(description)).toBe(3 * snapshotChunkBytes);
    await follower.close();
    follower = await openTest(path("follower"));
    expect(await follower.incoming.begin(description)).toBe(3 * snapshotChunkBytes);
    await transfer(leader, follower, description);
    await follower.install(await follower.incoming.finish());
    expect(digest(follower.store)).toBe(digest(leader.store));
  });

  it("begins anew for another snapshot", async () => {
    const old = await leader.snapshots.create();
    await transfer(leader, follower, old, 2 * snapshotChunkBytes);
    const young = await leader.snapshots.create();
    expect(await follower.incoming.begin(young)).toBe(0);
  });

  it("refuses a gap, a damaged chunk, an early end and a damaged file (C2)", async () => {
    const description = await leader.snapshots.create();
    const chunks = await chunksOf(description);
    const { incoming } = follower;
    await incoming.begin(description);
    await expect(incoming.write(chunks[1]!)).rejects.toMatchObject({ code: "badSnapshot" });
    const damaged = { ...chunks[0]!, data: Buffer.from(chunks[0]!.data).fill(1, 100, 101) };
    await expect(incoming.write(damaged)).rejects.toThrow("does not match its checksum");
    await incoming.write(chunks[0]!);
    await expect(incoming.finish()).rejects.toThrow("it ends at");
    for (const chunk of chunks.slice(1)) await incoming.write(chunk);
    // Torn on the disk before a restart: only the checksum of the whole file can tell.
    await incoming.abort();
    overwrite(path("follower/incoming/data.mdb"), Buffer.alloc(800, 7), Buffer.alloc(800, 8));
    expect(await incoming.begin(description)).toBe(description.sizeBytes);
    await expect(incoming.finish()).rejects.toThrow("the file does not match its checksum");
    expect(await incoming.begin(description)).toBe(0);
    for (const chunk of chunks) await incoming.write(chunk);
    await follower.install(await incoming.finish());
    expect(digest(follower.store)).toBe(digest(leader.store));
  });

  it("refuses the snapshot of another cluster (B3)", async () => {
    const other = await openTest(path("other"));
    await other.stampCluster(99n);
    const description = await leader.snapshots.create();
    await transfer(leader, other, description);
    await expect(other.incoming.finish()).rejects.toMatchObject({ code: "wrongCluster" });
    await other.close();
  });

  it("refuses one that is older than the store (D6)", async () => {
    const description = await leader.snapshots.create();
    await follower.store.commit(appliedWrites(501, 2, clusterId));
    await transfer(leader, follower, description);
    await expect(follower.incoming.finish().then((r) => follower.install(r))).rejects.toThrow(
      "is older than",
    );
  });

  it("repairs a member that lost its store: what the log holds beyond the snapshot is kept (B7)", async () => {
    await follower.log.append({ hardState: hardState(2, 0n, 600), entries: entriesOf(1, 600, 2) });
    await follower.store.commit(appliedWrites(400, 2, clusterId));
    await follower.log.compact(300n);
    await follower.close();
    truncateSync(path("follower/store/data.mdb"), 100);
    follower = await openTest(path("follower"));
    expect(follower.start).toMatchObject({ kind: "needsSnapshot", minIndex: 300n });
    await transfer(leader, follower, await leader.snapshots.create());
    await follower.install(await follower.incoming.finish());
    expect(follower.start).toEqual({ kind: "ready" });
    expect(follower.log.initialState()).toMatchObject({
      appliedIndex: 500n,
      hardState: { term: 2n, commit: 600n },
    });
    expect([follower.log.firstIndex(), follower.log.lastIndex()]).toEqual([301n, 600n]);
    expect(existsSync(path("follower/damaged-store"))).toBe(false);
  });

  it("is refused when the disk has no room (B11)", async () => {
    const description = await leader.snapshots.create();
    await follower.close();
    const freeBytes = description.sizeBytes;
    follower = await openTest(path("follower"), {
      faults: { statfs: async () => ({ freeBytes, totalBytes: 1e12 }) },
    });
    await expect(follower.incoming.begin(description)).rejects.toMatchObject({ code: "noSpace" });
  });

  it("keeps the store when the received file was taken away by the next snapshot (A16)", async () => {
    const before = digest(follower.store);
    await transfer(leader, follower, await leader.snapshots.create());
    const received = await follower.incoming.finish();
    await fill(leader, 550, 10);
    await follower.incoming.begin(await leader.snapshots.create());
    await expect(follower.install(received)).rejects.toMatchObject({ code: "badSnapshot" });
    expect(digest(follower.store)).toBe(before);
    expect([follower.log.firstIndex(), follower.log.lastIndex()]).toEqual([1n, 8n]);
  });
});

describe("SIGKILL while a snapshot is received and installed", () => {
  const steps = [
    "receive: verified",
    "receive: flushed",
    "install: begin",
    "install: renamed",
    "install: aligned",
  ];

  it.each(steps)("leaves the old state or the new one whole: %s (B8, B9)", async (killAt) => {
    const expected = digest(leader.store);
    const stale = digest(follower.store);
    await leader.close();
    await follower.close();
    const { signal, said } = await runChild({
      do: "receive",
      path: path("follower"),
      from: path("leader"),
      killAt,
    });
    expect(signal).toBe("SIGKILL");
    expect(said.at(-1)).toEqual({ step: killAt });
    follower = await openTest(path("follower"));
    expect(follower.start).toEqual({ kind: "ready" });
    const isNew = steps.indexOf(killAt) >= steps.indexOf("install: renamed");
    expect(digest(follower.store)).toBe(isNew ? expected : stale);
    expect(follower.log.initialState()).toMatchObject({
      appliedIndex: isNew ? 500n : 5n,
      hardState: { term: 1n, vote: 7n, commit: isNew ? 500n : 5n },
    });
    expect([follower.log.firstIndex(), follower.log.lastIndex()]).toEqual(isNew ? [501n, 500n] : [1n, 8n]);
    leader = await openTest(path("leader"));
    if (isNew) return;
    await transfer(leader, follower, await leader.snapshots.create());
    await follower.install(await follower.incoming.finish());
    expect(digest(follower.store)).toBe(expected);
  });

  it("keeps what arrived before, to go on from there", async () => {
    const description = await leader.snapshots.create();
    await transfer(leader, follower, description);
    await follower.incoming.finish();
    await follower.close();
    expect(statSync(path("follower/incoming/data.mdb")).size).toBe(description.sizeBytes);
    follower = await openTest(path("follower"));
    expect(await follower.incoming.begin(description)).toBe(description.sizeBytes);
    await follower.install(await follower.incoming.finish());
    expect(digest(follower.store)).toBe(digest(leader.store));
  });
});

import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { clusterId, openTest, removeFolder, seed, temporaryFolder } from "./testing/fixtures.ts";
import { runChild } from "./testing/run-child.ts";
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

async function open(path = folder): Promise<DataDirectory> {
  const directory = await openTest(path, {});
  opened.push(directory);
  return directory;
}

const at = (...names: string[]): string => join(folder, ...names);

async function seeded(entries: number, applied: number): Promise<void> {
  const directory = await open();
  await seed(directory, entries, applied);
  await directory.close();
}

describe("reset", () => {
  it("moves the data of a removed member aside and draws a new id; one is kept", async () => {
    await seeded(10, 5);
    mkdirSync(at("removed-00000000000000aa"));
    const old = await open();
    const { memberId } = old.identity;
    await old.markRemoved(9n);
    const fresh = await old.reset({ clusterId, memberId, removedIndex: undefined });
    opened.push(fresh);
    expect(fresh.identity.memberId).not.toBe(memberId);
    expect(fresh.identity).toMatchObject({ clusterId: undefined, incarnation: 1n, removedIndex: undefined });
    expect(fresh.log.lastIndex()).toBe(0n);
    expect(fresh.store.usage().usedBytes).toBeLessThan(100_000);
    const kept = readdirSync(folder).filter((name) => name.startsWith("removed-"));
    expect(kept).toEqual([`removed-${memberId.toString(16).padStart(16, "0")}`]);
    expect(readdirSync(at(kept[0]!)).sort()).toEqual(["raft", "store", "superblock"]);
  });

  it("is refused for another cluster, another member, and without a removal", async () => {
    await seeded(10, 5);
    const directory = await open();
    const { memberId } = directory.identity;
    const refused = (request: { clusterId: bigint; memberId: bigint; removedIndex: bigint | undefined }) =>
      directory.reset(request).then(
        () => "reset",
        (error: { code: string }) => error.code,
      );
    expect(await refused({ clusterId: 5n, memberId, removedIndex: 9n })).toBe("wrongCluster");
    expect(await refused({ clusterId, memberId: memberId + 1n, removedIndex: 9n })).toBe("wrongMember");
    expect(await refused({ clusterId, memberId, removedIndex: undefined })).toBe("notRemoved");
    expect(directory.log.lastIndex()).toBe(10n);
  });

  it("gives a blank disk another id, and keeps what was set aside before (A7)", async () => {
    await seeded(10, 5);
    const old = await open();
    const kept = `removed-${old.identity.memberId.toString(16).padStart(16, "0")}`;
    const blank = await old.reset({ clusterId, memberId: old.identity.memberId, removedIndex: 9n });
    const { memberId } = blank.identity;
    await expect(blank.reset({ clusterId, memberId, removedIndex: undefined })).rejects.toMatchObject({
      code: "notRemoved",
    });
    const fresh = await blank.reset({ clusterId, memberId, removedIndex: 12n });
    opened.push(fresh);
    expect(fresh.identity.memberId).not.toBe(memberId);
    expect(fresh.identity).toMatchObject({ clusterId: undefined, incarnation: 1n, removedIndex: undefined });
    expect(readdirSync(folder).filter((name) => name.startsWith("removed-"))).toEqual([kept]);
    expect(readdirSync(at(kept)).sort()).toEqual(["raft", "store", "superblock"]);
  });

  it("of a blank disk is finished at the next start when it was cut off (E3)", async () => {
    for (const gone of [[], ["store"], ["store", "superblock"], ["store", "superblock", "raft"]]) {
      const path = at(`blank-${gone.length}`);
      const old = await open(path);
      const { memberId } = old.identity;
      await old.close();
      writeFileSync(join(path, "resetting"), "blank");
      for (const part of gone) rmSync(join(path, part), { recursive: true });
      const fresh = await open(path);
      expect(fresh.identity.memberId).not.toBe(memberId);
      expect(fresh.identity).toMatchObject({ clusterId: undefined, incarnation: 1n });
      expect(
        readdirSync(path)
          .filter((name) => name.startsWith("re"))
          .sort(),
      ).toEqual([]);
    }
  });

  it("is finished at the next start when it was cut off between any two steps (E3)", async () => {
    for (const moved of [[], ["store"], ["store", "superblock"], ["store", "superblock", "raft"]]) {
      const path = at(`cut-${moved.length}`);
      const old = await open(path);
      await seed(old, 10, 5);
      const { memberId } = old.identity;
      await old.close();
      const name = memberId.toString(16).padStart(16, "0");
      writeFileSync(join(path, "resetting"), name);
      mkdirSync(join(path, `removed-${name}`));
      for (const part of moved) {
        cpSync(join(path, part), join(path, `removed-${name}`, part), { recursive: true });
        rmSync(join(path, part), { recursive: true });
      }
      const fresh = await open(path);
      expect(fresh.identity.memberId).not.toBe(memberId);
      expect(fresh.identity.incarnation).toBe(1n);
      expect(existsSync(join(path, `removed-${name}`, "raft", "data.mdb"))).toBe(true);
      expect(existsSync(join(path, "resetting"))).toBe(false);
    }
  });

  it("survives a kill at each of its steps", async () => {
    let kills = 0;
    for (const step of [
      "reset: marked",
      "reset: store",
      "reset: superblock",
      "reset: raft",
      "reset: moved",
    ]) {
      const path = at(step.replace(/\W+/g, "-"));
      const old = await open(path);
      await seed(old, 10, 5);
      const { memberId } = old.identity;
      await old.close();
      const { signal } = await runChild({ do: "reset", path, killAt: step });
      expect(signal).toBe("SIGKILL");
      kills++;
      const fresh = await open(path);
      expect(fresh.identity.memberId).not.toBe(memberId);
      expect(fresh.log.lastIndex()).toBe(0n);
    }
    expect(kills).toBe(5);
  });
});

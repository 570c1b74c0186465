import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import { type LocalFolder, memberIds, memberNames, patienceMs } from "./local-folder.ts";
import { useLocalFolder } from "./use-local-folder.ts";

const three = ["r0", "r1", "r2"];

function memberIn(folder: LocalFolder, slot: number): string {
  return folder.resource().status.members!.find((member) => member.slot === slot)!.id;
}

describe("data directories that are gone", { timeout: 240_000 }, () => {
  const folder = useLocalFolder();

  /** Whoever runs there may make a file while the directory is emptied. */
  function removeDir(slot: number): void {
    rmSync(folder().replicaDir(slot), { recursive: true, maxRetries: 20, retryDelay: 10 });
  }

  async function started() {
    const run = folder().up();
    await run.saw("rstore is ready: 3 members");
    await folder().client().put("kept", "here");
    return run;
  }

  async function replaced(old: readonly string[], count: number) {
    const resource = await folder().settled("replaced", (seen) => {
      const ids = memberIds(seen);
      return ids.length === 3 && ids.filter((id) => !old.includes(id)).length === count;
    });
    expect(memberNames(resource)).toEqual(three);
    expect((await folder().client().get("kept")).keyValue).toBeDefined();
  }

  it.each(["a follower", "the leader"])(
    "of %s, while it runs: replaced by one joint change (B1)",
    async (who) => {
      const run = await started();
      const { leader } = folder().resource().status;
      const name = who === "the leader" ? leader! : three.find((other) => other !== leader)!;
      const old = memberIds(folder().resource());
      const id = memberIn(folder(), Number(name[1]));
      removeDir(Number(name[1]));
      await replaced(old, 1);
      expect(memberIds(folder().resource())).not.toContain(id);
      expect(run.output().match(/replaces \w{16} by \w{16} \(slot \d\)/g)).toHaveLength(1);
      expect(run.output()).not.toMatch(/(rstore \| .*founds cluster[\s\S]*){2}/);
    },
  );

  it("of one that was killed as well, and of one while nothing runs", async () => {
    const run = await started();
    const old = memberIds(folder().resource());
    process.kill(folder().replicas().get(2)!, "SIGKILL");
    removeDir(2);
    await replaced(old, 1);
    const then = memberIds(folder().resource());
    expect(await run.end()).toBe(0);
    removeDir(0);
    folder().start();
    await replaced(then, 1);
  });

  it("of two of three: says that the majority is lost, touches nothing, goes on once they are put back (B3, E13)", async () => {
    const run = await started();
    const before = folder().resource();
    expect(await run.end()).toBe(0);
    for (const slot of [0, 2]) renameSync(folder().replicaDir(slot), join(folder().path, `aside-${slot}`));
    const second = folder().start();
    await second.saw(/the disks of 2 of 3 voters are gone, and with them the majority/);
    await eventually(
      "conditions say so",
      () => {
        const conditions = folder().resource().status.conditions ?? [];
        const is = (type: string) => conditions.find((one) => one.type === type);
        return is("Degraded")?.reason === "MajorityLost" && is("Available")?.status === "False";
      },
      { timeoutMs: patienceMs },
    );
    expect(memberIds(folder().resource())).toEqual(memberIds(before));
    expect((await folder().rstore("local", "status")).stdout).toMatch(/Degraded +True +MajorityLost/);
    expect(second.output()).not.toMatch(/founds cluster|adds as learners|changes|replaces/);
    for (const slot of [0, 2]) {
      removeDir(slot);
      renameSync(join(folder().path, `aside-${slot}`), folder().replicaDir(slot));
    }
    await second.saw("rstore is ready: 3 members");
    expect(memberIds(folder().resource())).toEqual(memberIds(before));
    expect((await folder().client().get("kept")).keyValue).toBeDefined();
  });

  it("a damaged log: the member leaves, its directory is deleted, a new one joins (B10)", async () => {
    const run = await started();
    const old = memberIds(folder().resource());
    const { leader } = folder().resource().status;
    const slot = leader === "r1" ? 2 : 1;
    const claim = readFileSync(join(folder().replicaDir(slot), "claim"), "utf8");
    process.kill(folder().replicas().get(slot)!, "SIGKILL");
    truncateSync(join(folder().replicaDir(slot), "raft", "data.mdb"), 0);
    await run.saw(/stays down: its log is damaged/);
    await replaced(old, 1);
    expect(readFileSync(join(folder().replicaDir(slot), "claim"), "utf8")).not.toBe(claim);
    expect(readdirSync(folder().data).filter((name) => name.startsWith("deleted-"))).toEqual([]);
  });

  it("status.json is gone: the members are taken over from their disks", async () => {
    const run = await started();
    const before = folder().resource();
    expect(await run.end()).toBe(0);
    rmSync(join(folder().data, "status.json"));
    const second = folder().start();
    await second.saw("rstore is ready: 3 members");
    expect(second.output()).toContain("adopts cluster");
    expect(memberIds(folder().resource())).toEqual(memberIds(before));
  });

  it("directories of two clusters: nothing is touched", async () => {
    const run = folder().up("--replicas", "1");
    await run.saw("rstore is ready");
    expect(await run.end()).toBe(0);
    const aside = join(folder().path, "aside");
    renameSync(folder().replicaDir(0), aside);
    for (const name of ["status.json", "processes.json", "store.yaml"]) rmSync(join(folder().data, name));
    const other = folder().up("--replicas", "1");
    await other.saw("rstore is ready");
    expect(await other.end()).toBe(0);
    renameSync(aside, folder().replicaDir(1));
    const path = join(folder().data, "store.yaml");
    writeFileSync(path, readFileSync(path, "utf8").replace("replicas: 1", "replicas: 2"));
    const mixed = folder().start();
    await mixed.saw("disks of more than one cluster");
    expect(folder().resource().status.members).toHaveLength(1);
    expect(existsSync(folder().replicaDir(1))).toBe(true);
  });
});

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Client, textFrom } from "@rstore/client";
import { describe, expect, it } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import { type LocalFolder, memberIds, memberNames, patienceMs } from "./local-folder.ts";
import { useLocalFolder } from "./use-local-folder.ts";

/** Writes one key after another until it is stopped. */
function startWriter(client: Client) {
  const failures: unknown[] = [];
  let written = 0;
  let isStopped = false;
  const done = (async () => {
    while (!isStopped) {
      try {
        await client.put(`key/${written}`, `${written}`);
        written++;
      } catch (error) {
        failures.push(error);
      }
    }
  })();
  return {
    stop: async () => {
      isStopped = true;
      await done;
      return { written, failures };
    },
  };
}

function edit(folder: LocalFolder, change: (text: string) => string): void {
  const path = join(folder.data, "store.yaml");
  writeFileSync(path, change(readFileSync(path, "utf8")));
}

const replicas = (count: number) => (text: string) =>
  text.replace(/^ {2}replicas: .*$/m, `  replicas: ${count}`);

describe("scaling a local store", { timeout: 240_000 }, () => {
  const folder = useLocalFolder();

  it("1 to 3 to 5 to 3 with no failed write, by command and by edit; what was scaled in joins anew", async () => {
    const run = folder().up("--replicas", "1");
    await run.saw("rstore is ready: 1 member.");
    const writer = startWriter(folder().client());
    const three = await folder().rstore("local", "scale", "3");
    expect(three).toMatchObject({ code: 0, stdout: "3 replicas: all voters, alive and caught up\n" });
    expect(three.stderr).toMatch(/grows from 1 to 3 replicas/);
    expect(memberNames(folder().resource())).toEqual(["r0", "r1", "r2"]);
    edit(folder(), replicas(5));
    const five = await folder().settled("five", (resource) => memberIds(resource).length === 5);
    expect((await folder().rstore("local", "scale", "3")).code).toBe(0);
    expect(memberNames(folder().resource())).toEqual(["r0", "r1", "r2"]);
    await eventually("two have ended", () => folder().replicas().size === 3, { timeoutMs: patienceMs });
    expect((await folder().rstore("local", "scale", "4")).code).toBe(0);
    const four = folder().resource();
    expect(memberIds(four).filter((id) => !memberIds(five).includes(id))).toHaveLength(1);
    const { written, failures } = await writer.stop();
    expect(failures).toEqual([]);
    for (let i = 0; i < written; i += 50) {
      const { keyValue } = await folder().client().get(`key/${i}`);
      expect(keyValue === undefined ? undefined : textFrom(keyValue.value)).toBe(`${i}`);
    }
    expect(readFileSync(join(folder().data, "store.yaml"), "utf8")).toContain("# Voters, 1 to 9;");
  });

  it("a wrong edit is refused with its field, the last good spec goes on, also after a restart", async () => {
    const run = folder().up("--replicas", "1");
    await run.saw("rstore is ready");
    const wrong: [RegExp | string, string, string][] = [
      [/replicas: 1/, "replicas: 12", "spec.replicas: Too big: expected number to be <=9 (it is 12)"],
      [/replicas: 12/, "replcas: 3", "spec.replcas: there is no such field"],
      [/replcas: 3/, "replicas: [", "is refused, what was asked for before goes on: Flow sequence"],
    ];
    for (const [from, to, why] of wrong) {
      edit(folder(), (text) => text.replace(from, to));
      await run.saw(why);
    }
    const status = await folder().rstore("local", "status");
    expect(status.stdout).toMatch(
      /running: 1 of 1 replicas ready[\s\S]*store\.yaml is refused: Flow sequence/,
    );
    expect((await folder().rstore("local", "scale", "3")).stderr).toContain("has to be put right first");
    await run.end();
    const again = folder().start();
    await again.saw("rstore is ready: 1 member.");
    expect(again.output()).toContain("is refused, what was asked for before goes on: Flow sequence");
    expect(folder().resource().metadata.generation).toBe(1);
    edit(folder(), (text) => text.replace("replicas: [", "replicas: 1\n  image: example/rstore:1"));
    await again.saw("means nothing on one machine: spec.image");
  });

  it("settings of the replicas roll through one at a time, the leader last, with no failed write", async () => {
    const run = folder().up();
    await run.saw("rstore is ready: 3 members");
    const before = folder().resource();
    const pids = [...folder().replicas().values()];
    const writer = startWriter(folder().client());
    edit(folder(), (text) => `${text}  raft: { electionTimeoutSeconds: 1.5 }\n`);
    const after = await folder().settled("all are new", () =>
      [...folder().replicas().values()].every((pid) => !pids.includes(pid)),
    );
    expect((await writer.stop()).failures).toEqual([]);
    expect(memberIds(after)).toEqual(memberIds(before));
    const restarted = [...run.output().matchAll(/slot (\d) was made from another template/g)].map(
      ([, slot]) => slot,
    );
    expect(new Set(restarted.slice(0, 3)).size).toBe(3);
    expect(`r${restarted[2]}`).toBe(before.status.leader);
  });

  it("paused: what runs is kept running, and nothing else is done", async () => {
    const run = folder().up("--replicas", "1");
    await run.saw("rstore is ready");
    edit(folder(), (text) => replicas(3)(text).replace("  # paused: false", "  paused: true"));
    await run.saw("spec.paused is set");
    const pid = folder().replicas().get(0)!;
    process.kill(pid, "SIGKILL");
    await eventually("it is back", () => (folder().replicas().get(0) ?? pid) !== pid, {
      timeoutMs: patienceMs,
    });
    expect((await folder().rstore("local", "scale", "2")).stderr).toContain("spec.paused is set");
    expect(memberNames(folder().resource())).toEqual(["r0"]);
    edit(folder(), (text) => text.replace("paused: true", "paused: false"));
    await folder().settled("two", (resource) => memberIds(resource).length === 2);
  });
});

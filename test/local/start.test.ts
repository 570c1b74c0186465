import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import { memberIds, memberNames, patienceMs } from "./local-folder.ts";
import { useLocalFolder } from "./use-local-folder.ts";

describe("rstore local up", { timeout: 180_000 }, () => {
  const folder = useLocalFolder();

  it("founds once, gives the others their votes by one joint change, says how to use it, ends cleanly", async () => {
    const first = folder().up();
    await first.saw("rstore is ready: 3 members");
    expect(first.output()).toContain(
      `curl -X PUT -d '"hello"' http://127.0.0.1:${folder().clientPort}/key/greeting`,
    );
    expect(first.output()).toContain(
      `npx rstore --endpoints http://127.0.0.1:${folder().clientPort} put greeting hello`,
    );
    const console = `http://127.0.0.1:${folder().clientPort + 20}/console`;
    expect(first.output()).toContain(`Look at it in a browser: ${console}`);
    expect(await (await fetch(console)).text()).toContain("<title>rstore</title>");
    expect(first.output().match(/rstore \| every disk is blank: founds cluster/g)).toHaveLength(1);
    expect(
      first.output().match(/rstore \| gives a vote to \w{16} \(slot 1\), \w{16} \(slot 2\)/g),
    ).toHaveLength(1);
    const before = folder().resource();
    expect(memberNames(before)).toEqual(["r0", "r1", "r2"]);
    expect(await first.end()).toBe(0);
    expect(folder().replicas().size).toBe(0);
    expect(first.output()).toContain("all replicas have ended");

    const second = folder().start();
    await second.saw("rstore is ready: 3 members");
    expect(second.output()).not.toMatch(/founds cluster|adds as learners|gives a vote/);
    expect(memberIds(folder().resource())).toEqual(memberIds(before));
    expect(folder().resource().status.clusterId).toBe(before.status.clusterId);
  });

  it("a founding that was killed is finished with the same cluster (E3)", async () => {
    const first = folder().up("--replicas", "2");
    const latched = await eventually("the intent is written", () => folder().resource().status.bootstrap, {
      timeoutMs: patienceMs,
      intervalMs: 2,
    });
    first.child.kill("SIGKILL");
    await first.exited;
    const second = folder().start();
    await second.saw("rstore is ready: 2 members");
    expect(folder().resource().status.clusterId).toBe(latched.clusterId);
    expect(memberIds(folder().resource())).toContain(latched.memberId);
  });

  it("replicas end when the process that keeps them is killed, the next start goes on, and one that dies is started again", async () => {
    const first = folder().up("--replicas", "1");
    await first.saw("rstore is ready: 1 member.");
    await folder().client().put("kept", "1");
    first.child.kill("SIGKILL");
    await eventually("no replica is left", () => folder().replicas().size === 0, { timeoutMs: patienceMs });
    const second = folder().start();
    await second.saw("rstore is ready: 1 member.");
    const pid = folder().replicas().get(0)!;
    process.kill(pid, "SIGKILL");
    await second.saw("r0 was ended by SIGKILL; starting it again in 0.25 s");
    await eventually("another process", () => (folder().replicas().get(0) ?? pid) !== pid, {
      timeoutMs: patienceMs,
    });
    expect((await folder().client().get("kept")).keyValue).toBeDefined();
  });

  it("a second start in the same folder, other ports, and a port that is taken say what to do", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(folder().clientPort + 11, "127.0.0.1", resolve));
    const refused = folder().up();
    expect(await refused.exited).toBe(1);
    expect(refused.output()).toContain(
      `port ${folder().clientPort + 11}, for members of r1, is taken by another program: end that program, or choose`,
    );
    // As it was told: with another port.
    const peerPort = ["--peer-port", `${folder().clientPort + 12}`];
    const first = folder().up("--replicas", "1", ...peerPort);
    await first.saw("rstore is ready: 1 member.");
    const second = folder().start();
    expect(await second.exited).toBe(1);
    expect(second.output()).toMatch(/a local cluster runs in .*\.rstore already: .*--data/);
    expect(await first.end()).toBe(0);
    const third = folder().start("--client-port", `${folder().clientPort + 1}`);
    expect(await third.exited).toBe(1);
    expect(third.output()).toContain(`was set up with --client-port ${folder().clientPort}`);
    expect(folder().resource().spec.replicas).toBe(1);
    await new Promise((resolve) => server.close(resolve));
  });

  it("down ends it from elsewhere; wipe deletes everything, and not while it runs", async () => {
    const run = folder().up("--replicas", "1");
    await run.saw("rstore is ready");
    expect((await folder().rstore("local", "wipe", "--yes")).stderr).toMatch(/runs in .* already/);
    expect((await folder().rstore("local", "down")).stdout).toBe("ended\n");
    expect(await run.exited).toBe(0);
    expect((await folder().rstore("local", "down")).stdout).toBe("no local cluster runs here\n");
    expect((await folder().rstore("local", "status")).stdout).toMatch(/^not running: 1 replicas wanted/);
    expect((await folder().rstore("local", "wipe", "--yes")).code).toBe(0);
    expect(existsSync(folder().replicaDir(0))).toBe(false);
    expect((await folder().rstore("local", "wipe", "--yes")).stderr).toContain("no local cluster");
  });

  it("a second Ctrl-C kills a replica that does not end", async () => {
    const run = folder().up("--replicas", "1");
    await run.saw("rstore is ready");
    process.kill(folder().replicas().get(0)!, "SIGSTOP");
    run.child.kill("SIGINT");
    await run.saw("Ctrl-C again kills them");
    const saidMs = performance.now();
    // A terminal, npm and the launcher may each send the same one: half a second counts as one.
    await eventually("the next one is a second one", () => performance.now() - saidMs > 700);
    run.child.kill("SIGINT");
    expect(await run.exited).toBe(0);
    expect(folder().replicas().size).toBe(0);
  });

  it("damaged or earlier files are refused and left as they are", async () => {
    const first = folder().up("--replicas", "1");
    await first.saw("rstore is ready");
    expect(await first.end()).toBe(0);
    for (const name of ["processes.json", "status.json"]) {
      const path = join(folder().data, name);
      const good = readFileSync(path, "utf8");
      writeFileSync(path, good.slice(0, 60));
      const refused = folder().start();
      expect(await refused.exited).toBe(1);
      expect(refused.output()).toContain(`${name} can't be read: restore it`);
      expect(readFileSync(path, "utf8")).toBe(good.slice(0, 60));
      writeFileSync(path, good);
    }
    writeFileSync(join(folder().data, "cluster.json"), "{}");
    const earlier = folder().start();
    expect(await earlier.exited).toBe(1);
    expect(earlier.output()).toMatch(/cluster of an earlier version .*choose another folder with --data/);
  });
});

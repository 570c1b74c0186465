import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import { removeScratch, scratchDirectory, watchProcess } from "../cluster/reaper.ts";
import { cleanEnvironment } from "../cluster/replica-process.ts";
import { Network, whyNoNamespaces } from "../namespaces/network.ts";
import { copyCheckout, shellBlocks } from "./checkout.ts";

const startTimeoutMs = 90_000;

/** Processes whose command line names this directory. */
function processesOf(directory: string): { pid: number; command: string }[] {
  return readdirSync("/proc").flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      const command = readFileSync(`/proc/${entry}/cmdline`, "utf8").replaceAll("\0", " ");
      return command.includes(directory) ? [{ pid: Number(entry), command }] : [];
    } catch {
      return [];
    }
  });
}

/**
 * The commands of README.md, letter by letter, in a copy of this checkout. In a network namespace where there
 * can be one, since the ports are those that everybody uses.
 */
describe("the README", { timeout: 120_000 }, () => {
  let directory: string;
  let network: Network | undefined;
  let start: ChildProcess;
  let output = "";
  let blocks: string[][];

  const inNetwork = (command: string): [string, string[]] =>
    network === undefined
      ? ["bash", ["-c", command]]
      : ["ip", ["netns", "exec", network.namespaceOf("here"), "bash", "-c", command]];

  function shell(command: string): Promise<string> {
    const [file, args] = inNetwork(command);
    return new Promise((resolve, reject) => {
      const options = { cwd: directory, env: cleanEnvironment(), timeout: 30_000 };
      execFile(file, args, options, (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(`${command}: ${error.message}\n${stderr}`));
      });
    });
  }

  beforeAll(async () => {
    directory = scratchDirectory("readme");
    copyCheckout(directory);
    if (whyNoNamespaces() === undefined) {
      network = new Network();
      network.addHost("here");
    }
    blocks = shellBlocks(readFileSync(join(directory, "README.md"), "utf8"), "Start on one machine");
    const [file, args] = inNetwork("exec npm start");
    // A process group of its own, which gets the Ctrl-C as a terminal would send it.
    start = spawn(file, args, { cwd: directory, env: cleanEnvironment(), detached: true });
    watchProcess(start.pid!);
    for (const stream of [start.stdout!, start.stderr!]) stream.on("data", (chunk) => (output += chunk));
  });
  afterEach(({ task }) => {
    if (task.result?.state === "fail") console.error(output);
  });
  afterAll(async () => {
    for (const { pid } of directory === undefined ? [] : processesOf(directory)) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It ended by itself.
      }
    }
    network?.close();
    removeScratch(directory);
  });

  it("begins with `npm ci && npm start`, which says when it is ready", async () => {
    expect(blocks[0]).toEqual(["npm ci && npm start"]);
    await eventually("it is ready", () => output.includes("rstore is ready"), { timeoutMs: startTimeoutMs });
    const addresses = [4001, 4002, 4003].map((port) => output.includes(`clients http://127.0.0.1:${port}`));
    expect(addresses).toEqual([true, true, true]);
  });

  it("its commands work as they are written", async () => {
    const [put, get, rstorePut, rstoreGet, list] = blocks[1]!;
    expect(JSON.parse(await shell(put!))).toMatchObject({ success: true, key: "name", value: "Alice" });
    expect(JSON.parse(await shell(get!))).toMatchObject({ key: "name", value: "Alice" });
    await shell(rstorePut!);
    expect((await shell(rstoreGet!)).trim()).toBe("hello");
    expect((await shell(list!)).match(/voter/g)).toHaveLength(3);
  });

  it("the commands that `npm start` prints work as printed", async () => {
    const printed = output.split("\n").filter((line) => /^ {2}(curl|npx) /.test(line));
    expect(printed).toHaveLength(3);
    for (const command of printed) await shell(command.trim());
  });

  it("the program and the commands of docs/guide/clients.md work as they are written", async () => {
    const guide = readFileSync(join(directory, "docs/guide/clients.md"), "utf8");
    writeFileSync(join(directory, "guide.ts"), /^```ts\n(.*?)^```$/ms.exec(guide)![1]!);
    expect(await shell("node_modules/.bin/node guide.ts")).toMatch(/^\d+n green\nconfig\/color \d+n\n$/);
    const [connect, plain] = shellBlocks(guide, "By curl")[0]!;
    expect(JSON.parse(await shell(connect!))).toMatchObject({ keyValue: { value: "cmVk", version: "2" } });
    expect(JSON.parse(await shell(plain!))).toMatchObject({ key: "config/color", value: "red" });
  });

  it("a second start in the same directory says what to do", async () => {
    await expect(shell("npm start")).rejects.toThrow(/already|running|runs/);
  });

  it("a replica that is killed is started again, and the others go on meanwhile", async () => {
    const victim = processesOf(directory).find(({ command }) => /rstore-replica/.test(command))!;
    await shell(`kill -9 ${victim.pid}`);
    await shell(
      "npx rstore --endpoints http://127.0.0.1:4001,http://127.0.0.1:4002,http://127.0.0.1:4003 put still here",
    );
    await eventually(
      "all three answer",
      async () => {
        const states = [4001, 4002, 4003].map((port) => shell(`curl -sf http://127.0.0.1:${port}/key/still`));
        return (await Promise.all(states)).every((answer) => answer.includes("here"));
      },
      { timeoutMs: 30_000 },
    );
  });

  it("Ctrl-C stops all cleanly", async () => {
    const ended = once(start, "exit");
    process.kill(-start.pid!, "SIGINT");
    await ended;
    await eventually("no process is left", () => processesOf(directory).length === 0);
    expect(output).toContain("all replicas have ended");
  });
});

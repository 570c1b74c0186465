import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Client } from "../client.ts";
import type { AskedSettings } from "./settings.ts";
import { down, wipe } from "./up.ts";

const script = fileURLToPath(new URL("../testing/up-process.ts", import.meta.url));

let folder: string;
let dataDir: string;
let ports: Required<Pick<AskedSettings, "clientPort" | "peerPort" | "metricsPort">>;
const running: Run[] = [];
const ends: (() => unknown)[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "rstore-up-test-"));
  dataDir = join(folder, ".rstore");
  ports = await freePorts();
});

afterEach(async () => {
  for (const run of running.splice(0)) {
    run.child.kill("SIGKILL");
    await run.exited;
    for (const pid of run.pids()) await gone(pid);
  }
  for (const end of ends.splice(0)) await end();
  rmSync(folder, { recursive: true, force: true });
});

/** Three runs of nine ports each below the ephemeral range, of which the first are free. */
async function freePorts() {
  for (;;) {
    const clientPort = 12_000 + Math.floor(Math.random() * 18_000);
    const chosen = { clientPort, peerPort: clientPort + 10, metricsPort: clientPort + 20 };
    const all = Object.values(chosen).flatMap((port) => [0, 1, 2, 3, 4].map((i) => port + i));
    if ((await Promise.all(all.map(isFree))).every(Boolean)) return chosen;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = await listen(port).catch(() => undefined);
  await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
  return server !== undefined;
}

function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}

interface Run {
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  output: string;
  /** Of its replicas, as they said themselves. */
  pids(): number[];
  saw(text: string | RegExp): Promise<void>;
}

function startUp(asked: AskedSettings & { data?: string } = {}): Run {
  const options = { data: "./.rstore", logLevel: "info", ...ports, ...asked };
  const child = spawn(process.execPath, [script, JSON.stringify(options)], { cwd: folder });
  const run: Run = {
    child,
    output: "",
    exited: new Promise((resolve) => child.once("close", resolve)),
    pids: () => [...run.output.matchAll(/pid (\d+)/g)].map((match) => Number(match[1])),
    saw: (text) =>
      expect
        .poll(() => run.output, { timeout: 25_000 })
        .toMatch(text instanceof RegExp ? text : literal(text)),
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      run.output += chunk;
    });
  }
  running.push(run);
  return run;
}

function literal(text: string): RegExp {
  return new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie that waits for its parent has ended all the same.
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
}

const gone = (pid: number) => expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false);

async function members(): Promise<string[]> {
  const client = new Client({ endpoints: [`http://127.0.0.1:${ports.clientPort}`], discover: false });
  try {
    const list = await client.listMembers();
    return list.members.map(({ name, kind }) => `${name} ${kind}`);
  } finally {
    client.close();
  }
}

const three = ["r1 voter", "r2 voter", "r3 voter"];

test("it founds once, joins the others by one joint change, says how to use it, and ends cleanly", async () => {
  const first = startUp();
  await first.saw("rstore is ready: 3 members");
  expect(first.output).toContain(
    `curl -X PUT -d '"hello"' http://127.0.0.1:${ports.clientPort}/key/greeting`,
  );
  expect(first.output).toContain(
    `npx rstore --endpoints http://127.0.0.1:${ports.clientPort} put greeting hello`,
  );
  expect(first.output).toMatch(/r1 +\| changed to r1:1 r2:2 r3:2\n/);
  expect(first.output).toMatch(/r1 +\| changed to r1:1 r2:1 r3:1\n/);
  expect(await members()).toEqual(three);
  first.child.kill("SIGTERM");
  expect(await first.exited).toBe(0);
  expect(first.output.match(/\| ending\n/g)).toHaveLength(3);
  for (const pid of first.pids()) expect(isAlive(pid)).toBe(false);

  const second = startUp();
  await second.saw("rstore is ready: 3 members");
  expect(second.output).not.toContain("bootstrapped");
  expect(second.output).not.toContain("changed to");
});

test("a founding that was interrupted is finished with the same ids, by the same member", async () => {
  const first = startUp({ replicas: 2 });
  await first.saw("serving");
  await expect.poll(() => existsSync(join(dataDir, "cluster.json"))).toBe(true);
  await first.saw("was chosen to found");
  first.child.kill("SIGKILL");
  await first.exited;
  const latched = JSON.parse(readFileSync(join(dataDir, "cluster.json"), "utf8")).bootstrap.clusterId;
  const second = startUp({ replicas: 2 });
  await second.saw("rstore is ready: 2 members");
  expect(JSON.parse(readFileSync(join(dataDir, "cluster.json"), "utf8")).clusterId).toBe(latched);
  expect(
    `${first.output}${second.output}`
      .match(/bootstrapped \d+/g)!
      .every((text) => text === `bootstrapped ${BigInt(`0x${latched}`)}`),
  ).toBe(true);
});

test("replicas end when the process that keeps them is killed, and the next start goes on", async () => {
  const first = startUp({ replicas: 1 });
  await first.saw("rstore is ready");
  first.child.kill("SIGKILL");
  await first.exited;
  for (const pid of first.pids()) await gone(pid);
  const second = startUp({ replicas: 1 });
  await second.saw("rstore is ready");
});

test("a replica that dies is started again", async () => {
  const run = startUp({ replicas: 1 });
  await run.saw("rstore is ready");
  const [pid] = run.pids();
  process.kill(pid!, "SIGKILL");
  await run.saw(/was ended by SIGKILL; starting it again in 0.25 s/);
  await expect.poll(() => run.pids().length, { timeout: 10_000 }).toBe(2);
});

test("a second start in the same folder says what to do", async () => {
  const first = startUp({ replicas: 1 });
  await first.saw("rstore is ready");
  const second = startUp({ clientPort: ports.clientPort + 30 });
  expect(await second.exited).toBe(1);
  expect(second.output).toMatch(/a local cluster runs in .*\.rstore already: .*--data/);
});

test("a port that is taken says which, for what, and what to do", async () => {
  const server = await listen(ports.peerPort + 1);
  ends.push(() => new Promise((resolve) => server.close(resolve)));
  const run = startUp();
  expect(await run.exited).toBe(1);
  expect(run.output).toContain(
    `port ${ports.peerPort + 1}, for members of r2, is taken by another program: end that program, or choose other ports with --peer-port`,
  );
});

test("other ports than those remembered are refused; the folder of a run is remembered with its size", async () => {
  const first = startUp({ replicas: 1 });
  await first.saw("rstore is ready: 1 member.");
  first.child.kill("SIGINT");
  expect(await first.exited).toBe(0);
  const second = startUp({ clientPort: ports.clientPort + 1 });
  expect(await second.exited).toBe(1);
  expect(second.output).toContain(`was set up with --client-port ${ports.clientPort}`);
  const third = startUp();
  await third.saw("rstore is ready: 1 member.");
});

test("a deleted data directory comes back as a new member in the old one's place (B1, B3)", async () => {
  const first = startUp();
  await first.saw("rstore is ready");
  const ids = first.output.match(/serving as (\d+)/g)!;
  first.child.kill("SIGTERM");
  await first.exited;
  rmSync(join(dataDir, "replica-2"), { recursive: true });
  const second = startUp();
  await second.saw(/changed to r1:1 r2:1 r2:2 r3:1\n/);
  await second.saw(/changed to r1:1 r2:1 r3:1\n/);
  await second.saw("rstore is ready: 3 members");
  expect(second.output).not.toContain("bootstrapped");
  const known = second.output.match(/serving as (\d+)/g)!.filter((text) => ids.includes(text));
  expect(known).toHaveLength(2);
});

test("it grows and shrinks between runs", async () => {
  const grow = startUp({ replicas: 1 });
  await grow.saw("rstore is ready: 1 member.");
  grow.child.kill("SIGTERM");
  await grow.exited;
  const bigger = startUp({ replicas: 3 });
  await bigger.saw("rstore is ready: 3 members");
  bigger.child.kill("SIGTERM");
  await bigger.exited;
  const smaller = startUp({ replicas: 1 });
  await smaller.saw("rstore is ready: 1 member.");
  expect(await members()).toEqual(["r1 voter"]);
  const pids = smaller.pids();
  await expect.poll(() => pids.filter(isAlive).length).toBe(1);
});

test("down ends it from elsewhere; wipe deletes the data, and not while it runs", async () => {
  const io = { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, env: {}, cwd: folder };
  const run = startUp({ replicas: 1 });
  await run.saw("rstore is ready");
  expect(() => wipe("./.rstore", io)).toThrow(/runs in .* already/);
  expect(await down("./.rstore", io)).toBe(true);
  expect(await run.exited).toBe(0);
  expect(await down("./.rstore", io)).toBe(false);
  wipe("./.rstore", io);
  expect(existsSync(join(dataDir, "replica-1"))).toBe(false);
  expect(() => wipe("./.rstore", io)).toThrow(/no local cluster/);
});

test("a damaged cluster file is not overwritten", async () => {
  const first = startUp({ replicas: 1 });
  await first.saw("rstore is ready");
  first.child.kill("SIGTERM");
  await first.exited;
  writeFileSync(join(dataDir, "cluster.json"), '{"version": 1, "repl');
  const second = startUp();
  expect(await second.exited).toBe(1);
  expect(second.output).toMatch(/cluster\.json can't be read/);
  expect(readFileSync(join(dataDir, "cluster.json"), "utf8")).toBe('{"version": 1, "repl');
});

import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";

const launcher = fileURLToPath(new URL("../../bin/rstore.js", import.meta.url));
const started: ChildProcess[] = [];

afterEach(() => {
  for (const child of started.splice(0)) child.kill("SIGKILL");
});

interface Launched {
  readonly child: ChildProcess;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  output: string;
}

/** Without type stripping a Node is, to the launcher, an old one. */
function launch(old: boolean, ...argv: string[]): Launched {
  const child = spawn(process.execPath, [...(old ? ["--no-strip-types"] : []), launcher, ...argv]);
  started.push(child);
  const launched: Launched = {
    child,
    output: "",
    ended: new Promise((resolve) => child.once("close", (code, signal) => resolve({ code, signal }))),
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      launched.output += chunk;
    });
  }
  return launched;
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
      .trim()
      .split(/\s+/)
      .filter(Boolean)
      .map(Number);
  } catch {
    return [];
  }
}

function isAlive(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
}

/** Where nobody listens, whatever runs on the default port of this machine. */
const nowhere = ["--endpoints", "http://127.0.0.1:1"];
/** It waits for the value on its standard input. */
const waiting = [...nowhere, "--timeout", "100ms", "put", "key"];

describe.each([
  ["on a Node that runs TypeScript", false],
  ["on an older Node", true],
])("%s", (_name, old) => {
  test("arguments, output and exit code pass", async () => {
    const usage = launch(old, "get");
    expect((await usage.ended).code).toBe(2);
    expect(usage.output).toContain("missing required argument");
    const version = launch(old, "--version");
    expect((await version.ended).code).toBe(0);
    expect(version.output).toMatch(/^\d+\.\d+\.\d+/);
  });

  test("standard input passes, and a signal ends both", async () => {
    const piped = launch(old, ...waiting);
    piped.child.stdin!.end("value");
    expect((await piped.ended).code).toBe(6);
    const stopped = launch(old, ...waiting);
    await expect
      .poll(() => !old || childrenOf(stopped.child.pid!).length === 1, { timeout: 10_000 })
      .toBe(true);
    const inner = childrenOf(stopped.child.pid!);
    stopped.child.kill("SIGTERM");
    expect(await stopped.ended).toEqual({ code: null, signal: "SIGTERM" });
    expect(inner.filter(isAlive)).toEqual([]);
  });
});

test("on an older Node the command line ends when its launcher is killed", async () => {
  const { child } = launch(true, ...waiting);
  await expect.poll(() => childrenOf(child.pid!).length, { timeout: 10_000 }).toBe(1);
  const [inner] = childrenOf(child.pid!);
  child.kill("SIGKILL");
  await expect.poll(() => isAlive(inner!), { timeout: 10_000 }).toBe(false);
});

test("on a Node that runs TypeScript there is one process", async () => {
  const { child, ended } = launch(false, ...nowhere, "--timeout", "300ms", "get", "key");
  const seen = new Set<number>();
  let over = false;
  ended.then(() => {
    over = true;
  });
  while (!over) {
    for (const pid of childrenOf(child.pid!)) seen.add(pid);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect([...seen]).toEqual([]);
});

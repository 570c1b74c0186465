import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeClaim } from "./claim.ts";
import { ReplicaProcess } from "./replica-process.ts";
import { slotAddress } from "./slot-address.ts";

const ports = { clientPort: 14_001, peerPort: 14_101, metricsPort: 14_201 };

let folder: string;
let process: ReplicaProcess | undefined;
let notes: string[];
let lines: string[];
let stopped: number;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "rstore-process-"));
  notes = [];
  lines = [];
  stopped = 0;
});
afterEach(async () => {
  process?.kill();
  await process?.stop(1);
  rmSync(folder, { recursive: true });
});

/** A replica that is nothing but this script. */
function start(script: string): ReplicaProcess {
  const launcher = join(folder, "replica.mjs");
  writeFileSync(launcher, script);
  const address = slotAddress(0, ports, folder);
  process = new ReplicaProcess({
    address,
    claimUid: makeClaim(address.dataDir),
    template: { flags: ["--quota-bytes", "5"], hash: "abc" },
    logLevel: "warn",
    launcher,
    events: {
      onLine: (line) => lines.push(line),
      onNote: (text) => notes.push(text),
      onStopped: () => stopped++,
    },
  });
  return process;
}

const poll = (probe: () => unknown) => expect.poll(probe, { timeout: 20_000 });
const forever =
  "process.stdin.resume(); setInterval(() => {}, 1000); console.log(process.argv.slice(2).join(' '));";

test("it gets its address and the settings of the template, and runs until it is stopped", async () => {
  const replica = start(forever);
  await poll(() => lines.length).toBe(1);
  expect(lines[0]).toContain(
    `--data-dir ${join(folder, "replica-0")} --name r0 --client-listen 127.0.0.1:14001`,
  );
  expect(lines[0]).toMatch(/--quota-bytes 5 --supervised$/);
  expect([replica.isRunning, replica.waiting]).toEqual([true, undefined]);
  await replica.stop(20_000);
  expect([replica.isRunning, replica.isStopping, stopped, notes]).toEqual([false, true, 1, []]);
});

test("one that does not end is killed at the deadline", async () => {
  const replica = start(`process.on("SIGTERM", () => {}); ${forever}`);
  await poll(() => lines.length).toBe(1);
  await replica.stop(1);
  expect(notes).toEqual(["did not end within 0.001 s: killed"]);
  expect(stopped).toBe(1);
});

test("one that ends is started again, and is said to crash from the third time on", async () => {
  const replica = start("process.exit(1)");
  expect(replica.waiting).toBeUndefined();
  await poll(() => notes.at(-1)).toBe("ended with exit code 1; starting it again in 1 s");
  expect(notes.slice(0, 2)).toEqual([
    "ended with exit code 1; starting it again in 0.25 s",
    "ended with exit code 1; starting it again in 0.5 s",
  ]);
  expect(replica.waiting).toBe("CrashLoop");
  await replica.stop(1);
  expect(stopped).toBe(1);
});

test.each([
  [73, "CrashLoop", "its log is damaged, cut off or an old copy (exit code 73)"],
  [64, "ConfigurationError", undefined],
  [77, "CrashLoop", undefined],
])("exit code %i: it stays down", async (code, waiting, damage) => {
  const replica = start(`process.exit(${code})`);
  await poll(() => notes.length).toBe(1);
  expect(notes[0]).toContain(`ended with exit code ${code} and stays down`);
  expect([replica.isRunning, replica.waiting, replica.damage]).toEqual([false, waiting, damage]);
});

test("it is not started again on another directory than the one it was made for (B1)", async () => {
  const replica = start("process.exit(1)");
  rmSync(join(folder, "replica-0"), { recursive: true });
  makeClaim(join(folder, "replica-0"));
  await poll(() => notes.at(-1)).toBe("stays down: its data directory is gone");
  expect([replica.isRunning, replica.waiting]).toEqual([false, "Unschedulable"]);
});

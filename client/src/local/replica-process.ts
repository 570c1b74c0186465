import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { SlotAddress } from "./slots.ts";

/** Exit codes of a replica that another start does not cure, and what does; replica/src/errors.ts. */
const incurable: Readonly<Record<number, string>> = {
  64: "its settings are wrong: look at its last lines",
  71: "its data directory belongs to another member or cluster: put the right one back, or delete it and a new member takes its place",
  72: "its data directory can't be used: check its permissions",
  73: "its log is damaged: delete its data directory, and a new member takes its place",
  77: "its data was written by a newer version: start that one",
  78: "the log holds a command of a newer version: start that one",
  80: "its data has diverged from its log: keep the directory for a report, delete it here, and a new member takes its place",
};

const backoffFirstMs = 250;
const backoffMaxMs = 10_000;
/** Up for this long, a replica's next failure counts as its first. */
const stableMs = 30_000;

export interface ReplicaProcessEvents {
  /** A line that the replica has written. */
  readonly onLine: (line: string) => void;
  /** What happened to the process, in words. */
  readonly onNote: (text: string) => void;
}

export interface ReplicaProcessOptions {
  readonly address: SlotAddress;
  readonly logLevel: string;
  readonly launcher: string;
  readonly events: ReplicaProcessEvents;
}

/** The launcher of @rstore/replica, wherever it is installed. */
export function replicaLauncher(): string {
  let folder = dirname(fileURLToPath(import.meta.resolve("@rstore/replica")));
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  return join(folder, "bin", "rstore-replica.js");
}

/**
 * One replica as a child process that is kept running. It is in a process group of its own, so that Ctrl-C
 * reaches only the parent, and it ends by itself when its standard input closes, which the operating
 * system does when the parent ends in whatever way.
 */
export class ReplicaProcess {
  readonly address: SlotAddress;
  readonly #options: ReplicaProcessOptions;
  #child: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();
  #restart: NodeJS.Timeout | undefined;
  #failures = 0;
  #wanted = false;
  #failed: string | undefined;

  constructor(options: ReplicaProcessOptions) {
    this.address = options.address;
    this.#options = options;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Why it stays down until a person has done something. */
  get failed(): string | undefined {
    return this.#failed;
  }

  start(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#spawn();
  }

  /** SIGTERM, and SIGKILL when it has not ended by the deadline. */
  async stop(deadlineMs: number): Promise<void> {
    this.#wanted = false;
    clearTimeout(this.#restart);
    const child = this.#child;
    if (child === undefined) return;
    child.kill("SIGTERM");
    const timer = setTimeout(() => {
      this.#options.events.onNote(`did not end within ${deadlineMs / 1_000} s: killed`);
      child.kill("SIGKILL");
    }, deadlineMs);
    await this.#exited;
    clearTimeout(timer);
  }

  kill(): void {
    this.#wanted = false;
    clearTimeout(this.#restart);
    this.#child?.kill("SIGKILL");
  }

  #spawn(): void {
    const { address, logLevel, launcher, events } = this.#options;
    const listen = (port: number) => `${new URL(address.clientUrl).hostname}:${port}`;
    const flags = [
      ["--data-dir", address.dataDir],
      ["--name", address.name],
      ["--client-listen", listen(address.clientPort)],
      ["--client-advertise", address.clientUrl],
      ["--peer-listen", listen(address.peerPort)],
      ["--peer-advertise", address.peerUrl],
      ["--metrics-listen", listen(address.metricsPort)],
      ["--log-level", logLevel],
      ["--log-format", "text"],
    ].flat();
    const startedMs = performance.now();
    const child = spawn(process.execPath, [launcher, ...flags, "--supervised"], {
      stdio: ["pipe", "pipe", "pipe"],
      detached: true,
    });
    this.#child = child;
    child.stdin.on("error", () => {});
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", events.onLine);
    }
    this.#exited = new Promise((resolve) => {
      child.once("error", (error) => {
        events.onNote(`can't be started: ${error.message}`);
        resolve();
      });
      child.once("close", (code, signal) => {
        this.#child = undefined;
        this.#ended(code, signal, performance.now() - startedMs);
        resolve();
      });
    });
  }

  #ended(code: number | null, signal: NodeJS.Signals | null, upMs: number): void {
    if (!this.#wanted) return;
    const { onNote } = this.#options.events;
    const how = signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
    const advice = code === null ? undefined : incurable[code];
    if (advice !== undefined) {
      this.#failed = advice;
      onNote(`${how} and stays down: ${advice}`);
      return;
    }
    this.#failures = upMs > stableMs ? 1 : this.#failures + 1;
    const delayMs = Math.min(backoffMaxMs, backoffFirstMs * 2 ** (this.#failures - 1));
    onNote(`${how}; starting it again in ${delayMs / 1_000} s`);
    this.#restart = setTimeout(() => this.#spawn(), delayMs);
  }
}

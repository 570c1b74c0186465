import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { createInterface } from "node:readline";
import type { WaitingReason } from "../../plan/observation.ts";
import { claimUid } from "./claim.ts";
import { localHost, type SlotAddress } from "./slot-address.ts";
import type { Template } from "./template.ts";

/** Exit codes of a replica (docs/reference/exit-codes.md) whose disk is of no use to it any more. */
const damage: Readonly<Record<number, string>> = {
  71: "the parts of its disk belong to different members (exit code 71)",
  73: "its log is damaged, cut off or an old copy (exit code 73)",
};

/** Exit codes that another start does not cure, and what does. */
const incurable: Readonly<Record<number, string>> = {
  64: "its settings are wrong: look at its last lines, and correct the spec",
  77: "its data was written by a newer version: start that one",
  78: "the log holds a command of a newer version: start that one",
};
const wrongSettings = 64;

const backoffFirstMs = 250;
const backoffMaxMs = 10_000;
/** Up for this long, a replica's next failure counts as its first. */
const stableMs = 30_000;
/** From so many failures in a row on it is said to crash again and again. */
const crashLoopFailures = 3;

export interface ReplicaProcessEvents {
  /** A line that the replica has written. */
  readonly onLine: (line: string) => void;
  /** What happened to the process, in words. */
  readonly onNote: (text: string) => void;
  /** It is over: stopped, or it could not be started. */
  readonly onStopped: () => void;
}

export interface ReplicaProcessOptions {
  readonly address: SlotAddress;
  readonly claimUid: string;
  readonly template: Template;
  readonly logLevel: string;
  /** The script that starts a replica. */
  readonly launcher: string;
  readonly events: ReplicaProcessEvents;
}

/**
 * One replica as a child process that is started again when it dies, with the same settings on the same
 * directory, until it is stopped. It is in a process group of its own, so that Ctrl-C reaches only the parent,
 * and it ends by itself when its standard input closes, which the operating system does when the parent ends
 * in whatever way.
 */
export class ReplicaProcess {
  /** Of this process and those that are started in its stead, until it is stopped. */
  readonly uid = randomUUID();
  readonly templateHash: string;
  /** Of the data directory that it was made for. */
  readonly claimUid: string;
  readonly #options: ReplicaProcessOptions;
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #restart: NodeJS.Timeout | undefined;
  #failures = 0;
  #stopping = false;
  #damage: string | undefined;
  #waiting: WaitingReason | undefined = "Starting";

  constructor(options: ReplicaProcessOptions) {
    this.#options = options;
    this.templateHash = options.template.hash;
    this.claimUid = options.claimUid;
    this.#spawn();
  }

  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  get isStopping(): boolean {
    return this.#stopping;
  }

  /** Why it does not run; undefined: it does. */
  get waiting(): WaitingReason | undefined {
    return this.#waiting;
  }

  /** Why its disk is of no use to it. */
  get damage(): string | undefined {
    return this.#damage;
  }

  /** SIGTERM, and SIGKILL when it has not ended by the deadline. */
  async stop(deadlineMs: number): Promise<void> {
    if (!this.#begin()) return this.#ended;
    const child = this.#child;
    if (child === undefined) return;
    child.kill("SIGTERM");
    const timer = setTimeout(() => {
      this.#options.events.onNote(`did not end within ${deadlineMs / 1_000} s: killed`);
      child.kill("SIGKILL");
    }, deadlineMs);
    await this.#ended;
    clearTimeout(timer);
  }

  kill(): void {
    this.#begin();
    this.#child?.kill("SIGKILL");
  }

  /** False: it is being stopped already. */
  #begin(): boolean {
    if (this.#stopping) return false;
    this.#stopping = true;
    clearTimeout(this.#restart);
    if (this.#child === undefined) this.#options.events.onStopped();
    return true;
  }

  #spawn(): void {
    const { address, launcher, events } = this.#options;
    if (claimUid(address.dataDir) !== this.claimUid) {
      // Another directory is another disk: whether that is wanted here is not for this process to say.
      this.#waiting = "Unschedulable";
      events.onNote("stays down: its data directory is gone");
      return;
    }
    this.#waiting = undefined;
    const startedMs = performance.now();
    const child = spawn(process.execPath, [launcher, ...this.#flags(), "--supervised"], {
      stdio: ["pipe", "pipe", "pipe"],
      detached: true,
    });
    this.#child = child;
    child.stdin.on("error", () => {});
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", events.onLine);
    }
    this.#ended = new Promise((resolve) => {
      const end = (happen: () => void): void => {
        if (this.#child !== child) return;
        this.#child = undefined;
        happen();
        resolve();
      };
      child.once("error", (error) => end(() => this.#failed(`can't be started: ${error.message}`, 0)));
      child.once("close", (code, signal) =>
        end(() => this.#exited(code, signal, performance.now() - startedMs)),
      );
    });
  }

  #flags(): string[] {
    const { address, logLevel, template } = this.#options;
    const listen = (port: number): string => `${localHost}:${port}`;
    return [
      ["--data-dir", address.dataDir],
      ["--name", address.name],
      ["--client-listen", listen(address.clientPort)],
      ["--client-advertise", address.clientUrl],
      ["--peer-listen", listen(address.peerPort)],
      ["--peer-advertise", address.peerUrl],
      ["--metrics-listen", listen(address.metricsPort)],
      ["--log-level", logLevel],
      ["--log-format", "text"],
      template.flags,
    ].flat();
  }

  #exited(code: number | null, signal: NodeJS.Signals | null, upMs: number): void {
    const how = signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
    this.#damage = code === null ? undefined : damage[code];
    const advice = code === null ? undefined : incurable[code];
    if (this.#stopping || (this.#damage === undefined && advice === undefined)) {
      this.#failed(how, upMs);
      return;
    }
    this.#waiting = code === wrongSettings ? "ConfigurationError" : "CrashLoop";
    this.#options.events.onNote(`${how} and stays down: ${this.#damage ?? advice}`);
  }

  #failed(how: string, upMs: number): void {
    const { onNote, onStopped } = this.#options.events;
    if (this.#stopping) {
      onStopped();
      return;
    }
    this.#failures = upMs > stableMs ? 1 : this.#failures + 1;
    this.#waiting = this.#failures < crashLoopFailures ? "Starting" : "CrashLoop";
    const delayMs = Math.min(backoffMaxMs, backoffFirstMs * 2 ** (this.#failures - 1));
    onNote(`${how}; starting it again in ${delayMs / 1_000} s`);
    this.#restart = setTimeout(() => this.#spawn(), delayMs);
  }
}

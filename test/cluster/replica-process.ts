import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Client } from "@connectrpc/connect";
import type { StatusResponse } from "@rstore/proto/rstore/v1/maintenance";
import type { GetIdentityResponse, MembershipService } from "@rstore/proto/rstore/v1/membership";
import { eventually } from "./eventually.ts";
import { freePort } from "./ports.ts";
import { forgetProcess, watchProcess } from "./reaper.ts";
import { maintenanceAt, membershipAt } from "./services.ts";

export const replicaBinary = fileURLToPath(new URL("../../replica/bin/rstore-replica.js", import.meta.url));

/** By the names of the flags in camelCase. */
export type ReplicaSettings = Readonly<Record<string, string | number>>;

export interface ReplicaProcessOptions {
  readonly name: string;
  /** Holds its data directory and its log. */
  readonly directory: string;
  readonly settings?: ReplicaSettings;
  /** Where peers are told to dial it; its own peer port by default. */
  readonly peerAdvertise?: string;
  /** Flags of Node itself, such as --cpu-prof. */
  readonly nodeFlags?: readonly string[];
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const startTimeoutMs = 30_000;
const stopTimeoutMs = 30_000;

/** What a test or a person has set for itself is no setting of the replicas. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).filter(([name]) => !name.startsWith("RSTORE_"));
  return Object.fromEntries(entries);
}

/** One replica as a real process on the loopback: started, killed, paused and started again on its disk. */
export class ReplicaProcess {
  readonly name: string;
  readonly dataDir: string;
  readonly logPath: string;
  readonly clientPort: number;
  readonly peerPort: number;
  readonly metricsPort: number;
  #options: ReplicaProcessOptions;
  #child: ChildProcess | undefined;
  #exit: Promise<Exit> = Promise.resolve({ code: null, signal: null });

  private constructor(options: ReplicaProcessOptions, ports: readonly [number, number, number]) {
    this.name = options.name;
    this.#options = options;
    this.dataDir = join(options.directory, options.name);
    this.logPath = join(options.directory, `${options.name}.log`);
    [this.clientPort, this.peerPort, this.metricsPort] = ports;
  }

  /** With ports of its own; not started yet. */
  static async create(options: ReplicaProcessOptions): Promise<ReplicaProcess> {
    return new ReplicaProcess(options, [await freePort(), await freePort(), await freePort()]);
  }

  get clientUrl(): string {
    return `http://127.0.0.1:${this.clientPort}`;
  }

  /** The process's own peer port, past any proxy. */
  get peerUrl(): string {
    return `http://127.0.0.1:${this.peerPort}`;
  }

  get advertisedPeerUrl(): string {
    return this.#options.peerAdvertise ?? this.peerUrl;
  }

  get metricsUrl(): string {
    return `http://127.0.0.1:${this.metricsPort}`;
  }

  get membership(): Client<typeof MembershipService> {
    return membershipAt(this.peerUrl);
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  /** When the process that was started last ends. */
  get exit(): Promise<Exit> {
    return this.#exit;
  }

  /** Peers are told of another address at the next start. */
  advertisePeerAt(url: string): void {
    this.#options = { ...this.#options, peerAdvertise: url };
  }

  /** Other settings at the next start, on top of those it has. */
  configure(settings: ReplicaSettings): void {
    this.#options = { ...this.#options, settings: { ...this.#options.settings, ...settings } };
  }

  get flags(): string[] {
    const settings: ReplicaSettings = {
      name: this.name,
      dataDir: this.dataDir,
      clientListen: `127.0.0.1:${this.clientPort}`,
      peerListen: `127.0.0.1:${this.peerPort}`,
      peerAdvertise: this.advertisedPeerUrl,
      metricsListen: `127.0.0.1:${this.metricsPort}`,
      logFormat: "json",
      reserveBytes: "1MiB",
      ...this.#options.settings,
    };
    return Object.entries(settings).flatMap(([key, value]) => [
      `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
      String(value),
    ]);
  }

  /** Begins the process; `start` also waits until it answers. */
  spawn(): void {
    if (this.#child !== undefined) throw new Error(`${this.name} runs already`);
    const log = openSync(this.logPath, "a");
    const child = spawn(
      process.execPath,
      [...(this.#options.nodeFlags ?? []), replicaBinary, ...this.flags, "--supervised"],
      {
        stdio: ["pipe", log, log],
        env: cleanEnvironment(),
      },
    );
    closeSync(log);
    child.stdin!.on("error", () => {});
    this.#child = child;
    const pid = child.pid!;
    watchProcess(pid);
    this.#exit = once(child, "exit").then(([code, signal]) => {
      forgetProcess(pid);
      this.#child = undefined;
      return { code, signal };
    });
  }

  /** Waits until all of its ports answer; fails at once when it ends instead. */
  async start(): Promise<this> {
    this.spawn();
    let ended: Exit | undefined;
    void this.#exit.then((exit) => {
      ended = exit;
    });
    await eventually(
      `${this.name} answers after its start`,
      async () => {
        if (ended !== undefined) return true;
        await this.identity();
        await this.status();
        return true;
      },
      { timeoutMs: startTimeoutMs },
    ).catch((error) => {
      throw new Error(`${error.message}\n${this.logTail()}`, { cause: error });
    });
    if (ended !== undefined)
      throw new Error(`${this.name} ended with ${JSON.stringify(ended)} at its start\n${this.logTail()}`);
    return this;
  }

  identity(): Promise<GetIdentityResponse> {
    return this.membership.getIdentity({}, { timeoutMs: 1_000 });
  }

  status(): Promise<StatusResponse> {
    return maintenanceAt(this.clientUrl).status({}, { timeoutMs: 1_000 });
  }

  async memberId(): Promise<bigint> {
    return (await this.identity()).memberId;
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#child === undefined) throw new Error(`${this.name} does not run`);
    this.#child.kill(signal);
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill(): Promise<void> {
    if (this.#child === undefined) return;
    this.signal("SIGKILL");
    await this.#exit;
  }

  /** SIGSTOP: it keeps its connections and its memory, and does nothing. */
  pause(): void {
    this.signal("SIGSTOP");
  }

  resume(): void {
    this.signal("SIGCONT");
  }

  /** SIGTERM; resolves to its exit code. */
  async stop(): Promise<number | null> {
    if (this.#child === undefined) return null;
    this.signal("SIGTERM");
    let exit: Exit | undefined;
    void this.#exit.then((result) => {
      exit = result;
    });
    const { code } = await eventually(`${this.name} ends after SIGTERM`, () => exit, {
      timeoutMs: stopTimeoutMs,
    });
    return code;
  }

  async restart(): Promise<this> {
    await this.kill();
    return this.start();
  }

  /** Its disk is lost. The process must not run. */
  wipe(): void {
    if (this.#child !== undefined) throw new Error(`${this.name} runs: stop it before its data is wiped`);
    rmSync(this.dataDir, { recursive: true, force: true });
  }

  log(): string {
    try {
      return readFileSync(this.logPath, "utf8");
    } catch {
      return "";
    }
  }

  logTail(lines = 30): string {
    const tail = this.log().trimEnd().split("\n").slice(-lines);
    return [`--- log of ${this.name} ---`, ...tail].join("\n");
  }
}

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { forgetProcess, watchProcess } from "../cluster/reaper.ts";
import { cleanEnvironment, replicaBinary } from "../cluster/replica-process.ts";
import type { Network } from "./network.ts";

const commandLine = fileURLToPath(new URL("../../client/bin/rstore.js", import.meta.url));

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A host with a replica that is started by hand, and the command line at hand. */
export class Host {
  readonly name: string;
  readonly #network: Network;
  readonly #directory: string;
  #child: ChildProcess | undefined;

  constructor(name: string, network: Network, directory: string) {
    this.name = name;
    this.#network = network;
    this.#directory = directory;
    network.addHost(name);
  }

  get clientUrl(): string {
    return `http://${this.#network.address(this.name)}:4001`;
  }

  get peerUrl(): string {
    return `http://${this.#network.address(this.name)}:4101`;
  }

  get #logPath(): string {
    return join(this.#directory, `${this.name}.log`);
  }

  /** As docs/guide/standalone.md says it. */
  start(): void {
    const log = openSync(this.#logPath, "a");
    const flags = [
      ...["--name", this.name, "--data-dir", join(this.#directory, this.name)],
      ...["--client-listen", "0.0.0.0:4001", "--client-advertise", this.clientUrl],
      ...["--peer-listen", "0.0.0.0:4101", "--peer-advertise", this.peerUrl],
      ...["--metrics-listen", "0.0.0.0:4201", "--reserve-bytes", "1MiB", "--log-format", "json"],
    ];
    const child = spawn("ip", this.#inNamespace(process.execPath, replicaBinary, ...flags, "--supervised"), {
      stdio: ["pipe", log, log],
      env: cleanEnvironment(),
    });
    closeSync(log);
    child.stdin!.on("error", () => {});
    // `ip netns exec` becomes the command: it is the replica's own process.
    const pid = child.pid!;
    watchProcess(pid);
    child.once("exit", () => forgetProcess(pid));
    this.#child = child;
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  /** `rstore …` on this host. Does not throw: the exit code says how it went. */
  rstore(...args: string[]): Promise<CommandResult> {
    return new Promise((resolve) => {
      execFile(
        "ip",
        this.#inNamespace(process.execPath, commandLine, ...args),
        { env: cleanEnvironment(), timeout: 90_000 },
        (error, stdout, stderr) => {
          const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
          resolve({ code, stdout, stderr });
        },
      );
    });
  }

  logTail(lines = 30): string {
    const tail = readFileSync(this.#logPath, "utf8").trimEnd().split("\n").slice(-lines);
    return [`--- log of ${this.name} ---`, ...tail].join("\n");
  }

  #inNamespace(...command: string[]): string[] {
    return ["netns", "exec", this.#network.namespaceOf(this.name), ...command];
  }
}

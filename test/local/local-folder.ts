import { type ChildProcess, execFile, spawn } from "node:child_process";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client } from "@rstore/client";
import type { StoredResource } from "@rstore/operator/platform/process/status-file";
import { eventually } from "../cluster/eventually.ts";
import { removeScratch, scratchDirectory, watchProcess } from "../cluster/reaper.ts";
import { cleanEnvironment } from "../cluster/replica-process.ts";

const program = fileURLToPath(new URL("../../client/bin/rstore.js", import.meta.url));
/** The machine may be busy with other tests. */
export const patienceMs = 60_000;
const firstPort = 12_000;
const lastPort = 31_000;
const slots = 6;

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** One `rstore local up`, as a process of its own. */
export interface Run {
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  output(): string;
  saw(text: string | RegExp): Promise<void>;
  /** SIGTERM, and waits; resolves to the exit code. */
  end(): Promise<number | null>;
}

/** A folder for `rstore local`, with ports of its own. */
export class LocalFolder {
  readonly path: string;
  readonly data: string;
  readonly clientPort: number;
  readonly #runs: Run[] = [];
  readonly #clients: Client[] = [];

  private constructor(clientPort: number) {
    this.path = scratchDirectory("local");
    this.data = join(this.path, ".rstore");
    this.clientPort = clientPort;
  }

  static async make(): Promise<LocalFolder> {
    return new LocalFolder(await freeRange());
  }

  get portFlags(): string[] {
    return ["--client-port", "--peer-port", "--metrics-port"].flatMap((flag, i) => [
      flag,
      `${this.clientPort + 10 * i}`,
    ]);
  }

  get endpoints(): string[] {
    return Array.from({ length: slots }, (_, slot) => `http://127.0.0.1:${this.clientPort + slot}`);
  }

  up(...flags: string[]): Run {
    return this.start(...this.portFlags, ...flags);
  }

  start(...flags: string[]): Run {
    const child = spawn(process.execPath, [program, "local", "up", "--log-level", "info", ...flags], {
      cwd: this.path,
      env: cleanEnvironment(),
    });
    watchProcess(child.pid!);
    let output = "";
    let isOver = false;
    child.once("close", () => {
      isOver = true;
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        output += chunk;
      });
    }
    const run: Run = {
      child,
      exited: new Promise((resolve) => child.once("close", resolve)),
      output: () => output,
      saw: async (text) => {
        const isThere = () => (typeof text === "string" ? output.includes(text) : text.test(output));
        const timeoutMs = patienceMs;
        await eventually(`"${text}" in the output`, () => isThere() || isOver, { timeoutMs }).catch(() => {});
        if (!isThere()) throw new Error(`"${text}" is not in the output:\n${output.slice(-6_000)}`);
      },
      end: () => {
        child.kill("SIGTERM");
        return run.exited;
      },
    };
    this.#runs.push(run);
    return run;
  }

  rstore(...args: string[]): Promise<Ended> {
    const options = { cwd: this.path, env: cleanEnvironment(), timeout: 2 * patienceMs };
    return new Promise((resolve) => {
      execFile(process.execPath, [program, ...args], options, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : null;
        resolve({ code, stdout, stderr });
      });
    });
  }

  client(): Client {
    const client = new Client({ endpoints: this.endpoints, timeoutMs: 20_000 });
    this.#clients.push(client);
    return client;
  }

  resource(): StoredResource {
    return JSON.parse(readFileSync(join(this.data, "status.json"), "utf8")) as StoredResource;
  }

  /** Waits until what was seen after the call fits; shows the last state when it does not come. */
  async settled(what: string, fits: (resource: StoredResource) => boolean): Promise<StoredResource> {
    try {
      return await eventually(
        what,
        () => {
          const resource = this.resource();
          return isQuiet(resource) && fits(resource) ? resource : undefined;
        },
        { timeoutMs: 2 * patienceMs },
      );
    } catch (cause) {
      const output = this.#runs.at(-1)?.output().slice(-3_000);
      const status = JSON.stringify(this.resource().status, null, 1);
      throw new Error(`${(cause as Error).message}\n${status}\n${output}`, { cause });
    }
  }

  replicaDir(slot: number): string {
    return join(this.data, `replica-${slot}`);
  }

  /** Replicas that run on the folder's data, by slot. */
  replicas(): Map<number, number> {
    const found = new Map<number, number>();
    for (const entry of readdirSync("/proc")) {
      if (!/^\d+$/.test(entry)) continue;
      const slot = slotOfProcess(Number(entry), this.data);
      if (slot !== undefined) found.set(slot, Number(entry));
    }
    return found;
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.close();
    for (const { child, exited } of this.#runs) {
      child.kill("SIGKILL");
      await exited;
    }
    for (const pid of this.replicas().values()) process.kill(pid, "SIGKILL");
    await eventually("no replica is left", () => this.replicas().size === 0);
    rmSync(this.data, { recursive: true, force: true });
    removeScratch(this.path);
  }
}

function isQuiet({ metadata, status }: StoredResource): boolean {
  const is = (type: string) => status.conditions?.find((condition) => condition.type === type);
  return (
    status.observedGeneration === metadata.generation &&
    status.change === undefined &&
    is("Available")?.status === "True" &&
    is("Progressing")?.status === "False" &&
    is("Degraded")?.status === "False"
  );
}

function slotOfProcess(pid: number, data: string): number | undefined {
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    const at = command.indexOf("--data-dir");
    const dir = command[at + 1];
    if (at < 0 || dir === undefined || !dir.startsWith(`${data}/replica-`)) return undefined;
    return readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ") ? undefined : Number(dir.at(-1));
  } catch {
    return undefined;
  }
}

export function memberIds({ status }: StoredResource): string[] {
  return (status.members ?? []).map(({ id }) => id).sort();
}

export function memberNames({ status }: StoredResource): string[] {
  return (status.members ?? []).map(({ name }) => name).sort();
}

/** The first of three runs of ports, ten apart, that nobody listens on. */
async function freeRange(): Promise<number> {
  for (;;) {
    const first = firstPort + Math.floor(Math.random() * (lastPort - firstPort));
    const all = [0, 10, 20].flatMap((run) => Array.from({ length: slots }, (_, i) => first + run + i));
    if ((await Promise.all(all.map(canListen))).every(Boolean)) return first;
  }
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

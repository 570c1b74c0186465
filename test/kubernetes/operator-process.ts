import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { eventually } from "../cluster/eventually.ts";
import { freePort } from "../cluster/ports.ts";
import { forgetProcess, watchProcess } from "../cluster/reaper.ts";
import { cleanEnvironment } from "../cluster/replica-process.ts";

export interface OperatorProcessOptions {
  readonly program: string;
  readonly kubeconfig: string;
  /** As the chart gives them. */
  readonly flags: readonly string[];
  readonly podNamespace: string;
  readonly podName: string;
  /** Holds the code that V8 compiled: the next start is faster. */
  readonly cacheFolder: string;
  readonly logFile: string;
}

export interface LogLine {
  readonly msgId?: string;
  readonly msg?: string;
  readonly [field: string]: unknown;
}

/** One operator as a process of its own. */
export class OperatorProcess {
  readonly #child: ChildProcess;
  readonly #lines: LogLine[] = [];
  readonly listen: string;
  readonly exit: Promise<number | null>;

  private constructor(options: OperatorProcessOptions, port: number) {
    this.listen = `127.0.0.1:${port}`;
    this.#child = spawn(process.execPath, [options.program, ...options.flags, `--listen=${this.listen}`], {
      env: {
        ...cleanEnvironment(),
        KUBECONFIG: options.kubeconfig,
        NODE_COMPILE_CACHE: options.cacheFolder,
        RSTORE_POD_NAMESPACE: options.podNamespace,
        RSTORE_POD_NAME: options.podName,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const { pid } = this.#child;
    if (pid !== undefined) watchProcess(pid);
    const file = createWriteStream(options.logFile, { flags: "a" });
    this.#child.stderr?.pipe(file);
    this.#child.stdout?.pipe(file);
    let rest = "";
    this.#child.stdout?.on("data", (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split("\n");
      rest = lines.pop() ?? "";
      this.#lines.push(...lines.flatMap(lineFrom));
    });
    this.exit = new Promise((resolve) => {
      this.#child.once("exit", (code) => {
        if (pid !== undefined) forgetProcess(pid);
        resolve(code);
      });
    });
  }

  static async start(options: OperatorProcessOptions): Promise<OperatorProcess> {
    return new OperatorProcess(options, await freePort());
  }

  get lines(): readonly LogLine[] {
    return this.#lines;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async leads(): Promise<void> {
    const says = (msgId: string) => this.#lines.some((line) => line.msgId === msgId);
    await eventually("the operator to lead", () => says("operator.leads"), { timeoutMs: 60_000 });
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.exit;
  }
}

function lineFrom(text: string): LogLine[] {
  try {
    return [JSON.parse(text) as LogLine];
  } catch {
    return [];
  }
}

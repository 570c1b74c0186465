import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream, mkdirSync } from "node:fs";
import { get } from "node:http";
import { join } from "node:path";
import type { V1Pod } from "@rstore/operator/kube/objects";
import { forgetProcess, watchProcess } from "../../cluster/reaper.ts";
import { cleanEnvironment } from "../../cluster/replica-process.ts";

export interface ReplicaPodOptions {
  readonly pod: V1Pod;
  readonly ip: string;
  /** Stands for the pod's volume. */
  readonly dataFolder: string;
  /** Of the replica: one file of JavaScript. */
  readonly program: string;
  /** Node's flags with which names of pods lead to their addresses. */
  readonly nodeFlags: readonly string[];
  /** File of those names. */
  readonly names: string;
  readonly logFile: string;
}

const restartMinMs = 300;
const restartMaxMs = 5000;

/** The one container of a pod: a real replica that is started again when it ends, as a kubelet does. */
export class ReplicaPod {
  readonly ip: string;
  readonly #options: ReplicaPodOptions;
  #child: ChildProcess | undefined;
  #exitCode: number | undefined;
  #restarts = 0;
  /** It has opened its ports. */
  #started = false;
  #startAtMs = 0;
  #ending = false;

  constructor(options: ReplicaPodOptions) {
    this.#options = options;
    this.ip = options.ip;
  }

  get uid(): string {
    return this.#options.pod.metadata?.uid ?? "";
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts the process when it does not run and is due. */
  keep(nowMs: number): void {
    if (this.#child !== undefined || this.#ending || nowMs < this.#startAtMs) return;
    const { dataFolder, program, nodeFlags, logFile } = this.#options;
    mkdirSync(dataFolder, { recursive: true });
    const child = spawn(process.execPath, [...nodeFlags, program], {
      env: { ...cleanEnvironment(), UV_THREADPOOL_SIZE: "8", ...this.#environment() },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const log = createWriteStream(logFile, { flags: "a" });
    child.stdout?.pipe(log);
    child.stderr?.pipe(log);
    const { pid } = child;
    if (pid !== undefined) watchProcess(pid);
    child.once("exit", (code, signal) => {
      if (pid !== undefined) forgetProcess(pid);
      this.#child = undefined;
      this.#started = false;
      this.#exitCode = code ?? (signal === null ? 0 : 137);
      this.#startAtMs = performance.now() + Math.min(restartMaxMs, restartMinMs * 2 ** this.#restarts);
      this.#restarts += 1;
    });
    this.#child = child;
  }

  /** Status of the container and the conditions, as a kubelet writes them. */
  async status(): Promise<object> {
    const isRunning = this.#child !== undefined;
    this.#started ||= isRunning && (await this.#answers("/livez"));
    const ready = this.#started && (await this.#answers("/readyz"));
    const terminated = { exitCode: this.#exitCode ?? 0 };
    const state = isRunning ? { running: {} } : { waiting: { reason: "CrashLoopBackOff" } };
    const container = {
      name: "replica",
      image: this.#options.pod.spec?.containers[0]?.image ?? "",
      imageID: "",
      ready,
      started: this.#started,
      restartCount: this.#restarts,
      state,
      ...(this.#exitCode === undefined ? {} : { lastState: { terminated } }),
    };
    const condition = (type: string, holds: boolean) => ({ type, status: holds ? "True" : "False" });
    return {
      phase: "Running",
      podIP: this.ip,
      podIPs: [{ ip: this.ip }],
      containerStatuses: [container],
      conditions: [
        condition("PodScheduled", true),
        condition("Initialized", true),
        condition("ContainersReady", ready),
        condition("Ready", ready),
      ],
    };
  }

  /** As its node does when that loses its power: started again when the node is back. */
  crash(): void {
    this.#child?.kill("SIGKILL");
  }

  /** Asks it to end; true when it has. */
  end(signal: NodeJS.Signals): boolean {
    this.#ending = true;
    this.#child?.kill(signal);
    return this.#child === undefined;
  }

  #answers(path: string): Promise<boolean> {
    return new Promise((resolve) => {
      const call = get(`http://${this.ip}:4201${path}`, { timeout: 2000 }, (answer) => {
        answer.resume();
        resolve(answer.statusCode === 200);
      });
      call.on("timeout", () => call.destroy());
      call.on("error", () => resolve(false));
    });
  }

  /** The container's own, on the pod's address and folder. */
  #environment(): Record<string, string> {
    const { pod, ip, dataFolder, names } = this.#options;
    const values: Record<string, string> = {};
    for (const { name, value, valueFrom } of pod.spec?.containers[0]?.env ?? []) {
      const text = valueFrom?.fieldRef?.fieldPath === "metadata.name" ? pod.metadata?.name : value;
      values[name] = (text ?? "").replace(/\$\((\w+)\)/g, (whole, other: string) => values[other] ?? whole);
    }
    for (const [name, value] of Object.entries(values))
      values[name] = value.replace(/^0\.0\.0\.0:/, `${ip}:`);
    return { ...values, RSTORE_DATA_DIR: join(dataFolder, "data"), RSTORE_TEST_POD_NAMES: names };
  }
}

import { type ChildProcess, fork } from "node:child_process";
import { brokenOutcome, type Job, type JobRunner, nameOf, type Outcome } from "./job.ts";

export interface WorkerPoolOptions {
  readonly workers: number;
  /** Module of a worker: answers each message with an {@link Outcome}. */
  readonly module: string;
  /** A run that takes longer is ended and counts as a violation. */
  readonly runMaxMs: number;
}

interface Worker {
  readonly process: ChildProcess;
  /** Ends the job at hand; undefined: it is free. */
  settle: ((outcome: Outcome) => void) | undefined;
}

/** Processes that carry out runs; one that dies names the run it died of, and another takes its place. */
export class WorkerPool implements JobRunner {
  readonly parallel: number;
  readonly #options: WorkerPoolOptions;
  readonly #free: Worker[] = [];
  readonly #all = new Set<Worker>();

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    this.parallel = options.workers;
  }

  run(job: Job): Promise<Outcome> {
    const worker = this.#free.pop() ?? this.#start();
    return new Promise((resolve) => {
      const broken = (property: string, message: string): void => settle(brokenOutcome(property, message));
      const timer = setTimeout(() => {
        broken("ends", `${nameOf(job)} did not end within ${this.#options.runMaxMs / 1000} s of real time`);
        worker.process.kill("SIGKILL");
      }, this.#options.runMaxMs);
      const ended = (code: number | null, signal: string | null): void =>
        broken("worker-died", `the worker ended with ${signal ?? `code ${code}`} in ${nameOf(job)}`);
      const settle = (outcome: Outcome): void => {
        if (worker.settle === undefined) return;
        worker.settle = undefined;
        clearTimeout(timer);
        worker.process.off("exit", ended);
        if (outcome.violation?.property === "worker-died" || outcome.violation?.property === "ends") {
          this.#all.delete(worker);
        } else this.#free.push(worker);
        resolve(outcome);
      };
      worker.settle = settle;
      worker.process.once("exit", ended);
      worker.process.send(job);
    });
  }

  #start(): Worker {
    const child = fork(this.#options.module, { serialization: "advanced", stdio: "inherit" });
    const worker: Worker = { process: child, settle: undefined };
    child.on("message", (outcome: Outcome) => worker.settle?.(outcome));
    child.on("error", () => {});
    this.#all.add(worker);
    return worker;
  }

  close(): void {
    for (const { process } of this.#all) process.kill("SIGKILL");
    this.#all.clear();
    this.#free.length = 0;
  }
}

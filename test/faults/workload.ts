import { setTimeout as timer } from "node:timers/promises";
import type { Cluster } from "../cluster/cluster.ts";
import type { KeyInput, Output } from "../history/operation.ts";
import { randomFrom } from "../history/random.ts";
import { Recorder } from "../history/recorder.ts";
import { type Caller, callReplica, callThroughClient } from "./caller.ts";

export const registerPrefix = "reg/";
export const logPrefix = "log/";

/** Operations after which the next registers are used, so that no history of one key becomes long. */
const operationsPerRound = 250;
const registersPerRound = 5;
const callTimeoutMs = 2_000;
/** Between an operation and the next of a worker: the machine is needed for the replicas too. */
const thinkMs = 4;

export interface WorkloadOptions {
  readonly seed: number;
  readonly workers: number;
  readonly clients: number;
}

/**
 * Writers and readers that record what they did. Half of the workers go through clients, half straight to any
 * replica. Two kinds of keys: registers that many of them read, write, compare and delete, and a log whose
 * keys are written once.
 */
export class Workload {
  readonly recorder = new Recorder(() => performance.now());
  /** Keys of the log: acknowledged, refused as not applied. */
  readonly acknowledged = new Set<string>();
  readonly refused = new Set<string>();
  readonly #cluster: Cluster;
  readonly #options: WorkloadOptions;
  #operations = 0;
  #stopped = false;
  #done: Promise<unknown> = Promise.resolve();

  constructor(cluster: Cluster, options: WorkloadOptions) {
    this.#cluster = cluster;
    this.#options = options;
  }

  start(): void {
    const { clients, workers, seed } = this.#options;
    const through = Array.from({ length: clients }, () =>
      callThroughClient(this.#cluster.client({ timeoutMs: callTimeoutMs }), callTimeoutMs),
    );
    this.#done = Promise.all(
      Array.from({ length: workers }, (_, worker) => {
        const random = randomFrom(seed * 1_000 + worker);
        const direct = callReplica(() => this.#anyClientUrl(random), callTimeoutMs);
        return this.#work(worker, worker % 2 === 0 ? through[worker % through.length]! : direct, random);
      }),
    );
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
  }

  #anyClientUrl(random: () => number): string {
    const { running, replicas: all } = this.#cluster;
    const replicas = running.length > 0 ? running : all;
    return replicas[Math.floor(random() * replicas.length)]!.clientUrl;
  }

  async #work(worker: number, call: Caller, random: () => number): Promise<void> {
    let lastRead: bigint | undefined;
    for (let serial = 0; !this.#stopped; serial++) {
      const id = `${worker}.${serial}`;
      if (random() < 0.3) {
        await this.#append(worker, call, id);
      } else {
        const output = await this.#touch({ worker, call, id, random, lastRead });
        if (output.type === "read") lastRead = output.seen?.modRevision ?? 0n;
        else if (output.type === "written") lastRead = output.revision;
      }
      await timer(thinkMs);
    }
  }

  async #append(worker: number, call: Caller, id: string): Promise<void> {
    const key = `${logPrefix}${id}`;
    const input: KeyInput = { type: "put", key, value: id };
    const output = await this.recorder.record(worker, input, () => call(input));
    if (output.type === "written") this.acknowledged.add(key);
    else if (output.type === "not-applied") this.refused.add(key);
  }

  #touch(context: {
    worker: number;
    call: Caller;
    id: string;
    random: () => number;
    lastRead: bigint | undefined;
  }): Promise<Output> {
    const { worker, call, id, random, lastRead } = context;
    const round = Math.floor(this.#operations++ / operationsPerRound);
    const key = `${registerPrefix}${round}/${Math.floor(random() * registersPerRound)}`;
    const choice = random();
    const compare = lastRead !== undefined && random() < 0.4 ? { expected: lastRead } : {};
    const input: KeyInput =
      choice < 0.45
        ? { type: "get", key }
        : choice < 0.92
          ? { type: "put", key, value: id, ...compare }
          : { type: "delete", key };
    return this.recorder.record(worker, input, () => call(input));
  }

  summary(): string {
    const counts = new Map<string, number>();
    for (const { input, output } of this.recorder.operations) {
      const name = `${input.type} ${output.type}`;
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    return [...counts].map(([name, count]) => `${name}: ${count}`).join(", ");
  }
}

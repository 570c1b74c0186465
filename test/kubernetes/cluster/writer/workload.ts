import { setTimeout as timer } from "node:timers/promises";
import type { Client } from "@rstore/client";
import { type Caller, callThroughClient } from "../../../faults/caller.ts";
import type { KeyInput, Operation, Output } from "../../../history/operation.ts";
import { Recorder } from "../../../history/recorder.ts";

export const logPrefix = "log/";
const registerPrefix = "reg/";

/** Operations after which other registers are used, so that no history of one key becomes long. */
const operationsPerRound = 200;
const registersPerRound = 4;
/** Between an operation and the next of a worker: the machine is needed for the replicas too. */
const thinkMs = 25;
/** With the client library's own retries; beyond it a request has failed. */
export const callTimeoutMs = 10_000;

export interface Failure {
  readonly atMs: number;
  readonly tookMs: number;
  readonly what: string;
  readonly reason: string;
  readonly outcome: "not-applied" | "unknown";
}

/** What its workers saw since a moment. */
export interface Pulse {
  readonly nowMs: number;
  readonly succeeded: number;
  readonly writesAcknowledged: number;
  /** The longest that one of the workers was without an answer that it wanted. */
  readonly longestPauseMs: number;
  readonly failures: readonly Failure[];
}

/** Writers that never rest: unique keys, and registers that are read, written and compared. */
export class WriterWorkload {
  readonly recorder = new Recorder(() => performance.now());
  readonly acknowledged = new Set<string>();
  readonly refused = new Set<string>();
  readonly #failures: Failure[] = [];
  readonly #callers: readonly Caller[];
  /** When each worker had an answer, ascending. */
  readonly #answers: number[][];
  #operations = 0;
  #epoch = 0;
  #running = false;
  #done: Promise<unknown> = Promise.resolve();

  constructor(clients: readonly Client[]) {
    this.#callers = clients.map((client) => callThroughClient(client, callTimeoutMs));
    this.#answers = clients.map(() => [performance.now()]);
  }

  start(): void {
    this.#running = true;
    this.#done = Promise.all(this.#callers.map((call, worker) => this.#work(worker, call)));
  }

  /** Resolves when no operation is under way. */
  async stop(): Promise<void> {
    this.#running = false;
    await this.#done;
  }

  /** Takes the history so far; what comes next uses other registers. */
  takeHistory(): readonly Operation[] {
    this.#epoch++;
    return this.recorder.operations.splice(0);
  }

  pulse(sinceMs: number): Pulse {
    const nowMs = performance.now();
    const isIn = (ms: number) => ms >= sinceMs;
    return {
      nowMs,
      succeeded: this.#answers.reduce((sum, times) => sum + times.filter(isIn).length, 0),
      writesAcknowledged: this.acknowledged.size,
      longestPauseMs: Math.round(
        Math.max(...this.#answers.map((times) => longestGap(times, sinceMs, nowMs))),
      ),
      failures: this.#failures.filter(({ atMs }) => isIn(atMs)),
    };
  }

  async #work(worker: number, call: Caller): Promise<void> {
    this.#answers[worker]!.push(performance.now());
    let lastRead: bigint | undefined;
    for (let serial = 0; this.#running; serial++) {
      const id = `${this.#epoch}.${worker}.${serial}`;
      const input = this.#next(id, lastRead);
      const beganMs = performance.now();
      const output = await this.recorder.record(worker, input, () => call(input));
      this.#note(worker, input, output, beganMs);
      if (output.type === "read") lastRead = output.seen?.modRevision ?? 0n;
      else if (output.type === "written") lastRead = output.revision;
      await timer(thinkMs);
    }
  }

  #next(id: string, lastRead: bigint | undefined): KeyInput {
    if (Math.random() < 0.4) return { type: "put", key: `${logPrefix}${id}`, value: id };
    const round = Math.floor(this.#operations++ / operationsPerRound);
    const key = `${registerPrefix}${this.#epoch}/${round}/${Math.floor(Math.random() * registersPerRound)}`;
    const choice = Math.random();
    if (choice < 0.4) return { type: "get", key };
    const compare = lastRead !== undefined && Math.random() < 0.5 ? { expected: lastRead } : {};
    return choice < 0.9 ? { type: "put", key, value: id, ...compare } : { type: "delete", key };
  }

  #note(worker: number, input: KeyInput, output: Output, beganMs: number): void {
    const nowMs = performance.now();
    const isLog = input.key.startsWith(logPrefix);
    if (output.type === "not-applied" || output.type === "unknown") {
      if (isLog && output.type === "not-applied") this.refused.add(input.key);
      this.#failures.push({
        atMs: nowMs,
        tookMs: Math.round(nowMs - beganMs),
        what: `${input.type} ${input.key}`,
        reason: output.reason,
        outcome: output.type,
      });
      return;
    }
    if (isLog && output.type === "written") this.acknowledged.add(input.key);
    this.#answers[worker]!.push(nowMs);
  }
}

function longestGap(times: readonly number[], sinceMs: number, nowMs: number): number {
  let longest = 0;
  let before = sinceMs;
  for (const time of times) {
    if (time < sinceMs) continue;
    longest = Math.max(longest, time - before);
    before = time;
  }
  return Math.max(longest, nowMs - before);
}

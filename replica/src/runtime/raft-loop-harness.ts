import type { PutOperation } from "../apply/operation.ts";
import { MemoryStorage } from "../raft/memory-storage.ts";
import { RawNode } from "../raft/raw-node.ts";
import type { Entry, Message, Ready, SnapshotMetadata } from "../raft/types.ts";
import type { Clock } from "./clock.ts";
import { loadConfig } from "./config.ts";
import { limits } from "./limits.ts";
import { LinearizableReads } from "./linearizable-reads.ts";
import { Proposals } from "./proposals.ts";
import { RaftLoop } from "./raft-loop.ts";
import { raftOptions } from "./raft-options.ts";

/** Time that stands still until it is moved; `soon` runs when asked to. */
export class ManualClock implements Clock {
  #nowMs = 0;
  #soon: (() => void)[] = [];
  #timers: { readonly atMs: number; readonly callback: () => void }[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return 0;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  get timers(): number {
    return this.#timers.length;
  }

  /** Runs every timer at its time, as an idle event loop does. Answers how often that was. */
  async idle(ms: number): Promise<number> {
    const endMs = this.#nowMs + ms;
    let wakeUps = 0;
    for (;;) {
      const nextMs = Math.min(...this.#timers.map(({ atMs }) => atMs));
      if (nextMs > endMs) break;
      await this.advance(nextMs - this.#nowMs);
      wakeUps += 1;
    }
    await this.advance(endMs - this.#nowMs);
    return wakeUps;
  }

  soon(callback: () => void): void {
    this.#soon.push(callback);
  }

  /** Runs what is due, with the promises that follow from it, until nothing is. */
  async settle(): Promise<void> {
    do {
      const due = this.#soon;
      this.#soon = [];
      for (const callback of due) callback();
      for (let i = 0; i < 10; i += 1) await Promise.resolve();
    } while (this.#soon.length > 0);
  }

  async advance(ms: number): Promise<void> {
    this.#nowMs += ms;
    const due = this.#timers.filter(({ atMs }) => atMs <= this.#nowMs);
    this.#timers = this.#timers.filter(({ atMs }) => atMs > this.#nowMs);
    for (const { callback } of due) callback();
    await this.settle();
  }
}

export const ids = [1n, 2n, 3n];
export const empty = { outgoing: [], learners: [], learnersNext: [], context: new Uint8Array() };

export function put(): PutOperation {
  const key = Buffer.from("k");
  return { type: "put", key, value: key, lease: 0n, previous: false, expectedModRevision: undefined };
}

/** A loop with a core, whose disk and installs end when the test says so. */
export class LoopHarness {
  readonly clock = new ManualClock();
  readonly sent: Message[] = [];
  readonly applied: Entry[] = [];
  readonly installs: { snapshot: SnapshotMetadata; finish: () => void }[] = [];
  readonly failures: unknown[] = [];
  readonly appends: { ready: Ready; settle: () => void; reject: (error: Error) => void }[] = [];
  readonly proposals = new Proposals(() => 0, limits);
  readonly reads = new LinearizableReads(limits);
  canApply = true;
  effectsDueMs = Number.POSITIVE_INFINITY;
  readonly node: RawNode;
  readonly loop: RaftLoop;

  constructor(voters: readonly bigint[]) {
    const storage = MemoryStorage.bootstrapped({ ...empty, voters });
    this.node = new RawNode(
      raftOptions(1n, { config: loadConfig({}, {}), limits, random: () => 0 }),
      storage,
    );
    this.loop = new RaftLoop({
      node: this.node,
      proposals: this.proposals,
      reads: this.reads,
      clock: this.clock,
      limits,
      sleepMaxTicks: 7,
      effects: {
        send: (messages) => void this.sent.push(...messages),
        offerSnapshot: () => {},
        append: (ready) =>
          new Promise((resolve, reject) => {
            const settle = (): void => {
              storage.write(ready);
              resolve();
            };
            this.appends.push({ ready, settle, reject });
          }),
        install: (snapshot) =>
          new Promise((finish) => {
            this.installs.push({ snapshot, finish });
          }),
        apply: (entry) => {
          this.applied.push(entry);
          this.proposals.applied(entry, [{ type: "put", revision: entry.index, previous: undefined }]);
        },
        canApply: () => this.canApply,
        softStateChanged: () => {},
        turnEnded: () => this.effectsDueMs,
        failed: (error) => void this.failures.push(error),
      },
    });
    this.loop.start();
  }

  /** Lets the oldest disk write finish. */
  async disk(): Promise<void> {
    this.appends.shift()!.settle();
    await this.clock.settle();
  }

  async elect(): Promise<void> {
    this.loop.run(() => this.node.campaign());
    await this.clock.settle();
    for (let i = 0; i < 10 && this.appends.length > 0; i += 1) await this.disk();
  }
}

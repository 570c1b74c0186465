import { beforeEach, describe, expect, test } from "vitest";
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
class ManualClock implements Clock {
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

const ids = [1n, 2n, 3n];
const empty = { outgoing: [], learners: [], learnersNext: [], context: new Uint8Array() };

function put(): PutOperation {
  const key = Buffer.from("k");
  return { type: "put", key, value: key, lease: 0n, previous: false, expectedModRevision: undefined };
}

class Harness {
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

describe("RaftLoop", () => {
  let alone: Harness;
  beforeEach(async () => {
    alone = new Harness([1n]);
    await alone.elect();
    expect(alone.node.status().role).toBe("leader");
  });

  test("a write of a cluster of one is answered only when its entry is on disk (B4)", async () => {
    const answers: unknown[] = [];
    void alone.proposals.add([put()], 1000).then((outcomes) => answers.push(outcomes));
    alone.loop.schedule();
    await alone.clock.settle();
    expect(alone.appends).toHaveLength(1);
    expect(answers).toHaveLength(0);
    await alone.disk();
    expect(answers).toHaveLength(1);
  });

  test("what arrives while the disk writes shares the next entry: group commit", async () => {
    for (let i = 0; i < 2; i += 1) {
      void alone.proposals.add([put()], 1000);
      alone.loop.schedule();
      await alone.clock.settle();
    }
    const underWay = alone.appends.length;
    for (let i = 0; i < 5; i += 1) {
      void alone.proposals.add([put()], 1000);
      alone.loop.schedule();
      await alone.clock.settle();
    }
    expect(alone.appends).toHaveLength(underWay);
    await alone.disk();
    expect(alone.appends.at(-1)!.ready.entries).toHaveLength(1);
  });

  test("nothing is applied while the overlay is full, and nothing is lost", async () => {
    alone.canApply = false;
    const before = alone.applied.length;
    const answer = alone.proposals.add([put()], 1000);
    alone.loop.schedule();
    await alone.clock.settle();
    await alone.disk();
    expect(alone.applied).toHaveLength(before);
    alone.canApply = true;
    alone.loop.schedule();
    await alone.clock.settle();
    expect(await answer).toHaveLength(1);
  });

  test("a failed disk write ends it, and nothing is answered (B5)", async () => {
    const answers: unknown[] = [];
    alone.proposals.add([put()], 1000).then(
      () => answers.push("applied"),
      () => answers.push("failed"),
    );
    alone.loop.schedule();
    await alone.clock.settle();
    alone.appends[0]!.reject(new Error("EIO"));
    await alone.clock.settle();
    expect(alone.failures).toHaveLength(1);
    expect(answers).toEqual([]);
  });

  test("a process that was paused makes up for a few ticks only (C5)", async () => {
    const three = new Harness(ids);
    await three.clock.advance(60_000);
    expect(three.node.status().role).toBe("follower");
    expect(three.sent).toEqual([]);
  });

  test("writes that become durable together are reported in their order, the first of them behind an install (A15)", async () => {
    const three = new Harness(ids);
    const configuration = { index: 8n, configuration: { ...empty, voters: ids } };
    const address = { from: 2n, to: 1n, term: 2n };
    const append = async (index: bigint): Promise<void> => {
      const entry = { term: 2n, index, type: "normal", data: Buffer.from("x") } as const;
      const previous = { previousIndex: index - 1n, previousTerm: 2n };
      three.loop.receive([
        { type: "AppendEntries", ...address, ...previous, entries: [entry], commit: index },
      ]);
      await three.clock.settle();
    };
    const snapshot = { index: 9n, term: 2n, configuration };
    three.loop.receive([{ type: "InstallSnapshot", ...address, snapshot }]);
    await three.clock.settle();
    await append(10n);
    three.installs[0]!.finish();
    await three.clock.settle();
    await three.disk();
    await append(11n);
    expect(three.appends).toHaveLength(2);
    for (const { settle } of three.appends.splice(0)) settle();
    await three.clock.settle();
    expect(three.failures).toEqual([]);
    expect(three.applied.map(({ index }) => index)).toEqual([10n, 11n]);
  });

  test("a vote is asked for and granted only after the disk has it (B1, Raft §5.2)", async () => {
    const three = new Harness(ids);
    const request = {
      from: 2n,
      to: 1n,
      term: 2n,
      lastLogIndex: 5n,
      lastLogTerm: 1n,
      transfer: true,
    } as const;
    three.loop.receive([{ type: "RequestVote", ...request }]);
    await three.clock.settle();
    expect(three.sent).toEqual([]);
    await three.disk();
    expect(three.sent).toMatchObject([{ type: "RequestVoteResponse", granted: true }]);
  });

  test("while a snapshot is installed nothing is applied, and appends wait behind it (A15)", async () => {
    const three = new Harness(ids);
    const configuration = { index: 8n, configuration: { ...empty, voters: ids } };
    const snapshot = { index: 9n, term: 2n, configuration };
    const address = { from: 2n, to: 1n, term: 2n };
    three.loop.receive([{ type: "InstallSnapshot", ...address, snapshot }]);
    await three.clock.settle();
    const entry = { term: 2n, index: 10n, type: "normal", data: Buffer.from("x") } as const;
    const append = { previousIndex: 9n, previousTerm: 2n, entries: [entry], commit: 10n };
    three.loop.receive([{ type: "AppendEntries", ...address, ...append }]);
    await three.clock.settle();
    expect(three.installs).toHaveLength(1);
    expect(three.appends).toHaveLength(0);
    expect(three.applied).toEqual([]);
    three.installs[0]!.finish();
    await three.clock.settle();
    while (three.appends.length > 0) await three.disk();
    expect(three.applied.map(({ index }) => index)).toEqual([10n]);
  });

  test("what was appended behind a snapshot is not durable before it, also when one write takes both", async () => {
    const three = new Harness(ids);
    const configuration = { index: 8n, configuration: { ...empty, voters: ids } };
    const address = { from: 2n, to: 1n, term: 2n };
    const snapshot = { index: 9n, term: 2n, configuration };
    three.loop.receive([{ type: "InstallSnapshot", ...address, snapshot }]);
    await three.clock.settle();
    const entry = { term: 2n, index: 10n, type: "normal", data: Buffer.from("x") } as const;
    const append = { previousIndex: 9n, previousTerm: 2n, entries: [entry], commit: 10n };
    three.loop.receive([{ type: "AppendEntries", ...address, ...append }]);
    await three.clock.settle();
    three.installs[0]!.finish();
    await three.clock.settle();
    while (three.appends.length > 0) {
      for (const { settle } of three.appends.splice(0)) settle();
      await three.clock.settle();
    }
    expect(three.failures).toEqual([]);
    expect(three.node.log.durableIndex).toBe(10n);
  });
});

describe("RaftLoop between turns", () => {
  const timeoutMs = loadConfig({}, {}).electionTimeoutMs;
  const heartbeatMs = loadConfig({}, {}).heartbeatIntervalMs;

  test("an idle follower sleeps, and campaigns at the tick that is due (Raft §5.2)", async () => {
    const three = new Harness(ids);
    await three.clock.settle();
    expect(await three.clock.idle(timeoutMs - 1)).toBeLessThanOrEqual(timeoutMs / (7 * limits.tickMs) + 1);
    expect(three.sent).toEqual([]);
    await three.clock.idle(1);
    expect(three.sent.map(({ type }) => type)).toEqual(["PreVote", "PreVote"]);
  });

  test("what a message moves comes at its new time: an answer of the leader delays the campaign", async () => {
    const three = new Harness(ids);
    await three.clock.idle(timeoutMs - 500);
    const heartbeat = { from: 2n, to: 1n, term: 2n, commit: 1n, readSequence: 0n } as const;
    three.loop.receive([{ type: "Heartbeat", ...heartbeat }]);
    await three.clock.settle();
    await three.disk();
    const before = three.sent.length;
    await three.clock.idle(timeoutMs - 1);
    expect(three.sent).toHaveLength(before);
    await three.clock.idle(1);
    expect(three.sent.at(-1)).toMatchObject({ type: "PreVote" });
  });

  test("an idle leader sends its heartbeats in time, and wakes for little else", async () => {
    const three = new Harness(ids);
    three.loop.run(() => three.node.campaign());
    await three.clock.settle();
    for (const type of ["PreVoteResponse", "RequestVoteResponse"] as const) {
      three.loop.receive([{ type, from: 2n, to: 1n, term: 2n, granted: true }]);
      await three.clock.settle();
      while (three.appends.length > 0) await three.disk();
    }
    expect(three.node.status().role).toBe("leader");
    three.sent.length = 0;
    expect(await three.clock.idle(4 * heartbeatMs)).toBeLessThanOrEqual(9);
    const beats = three.sent.filter(({ type, to }) => type === "Heartbeat" && to === 2n);
    expect(beats).toHaveLength(4);
  });

  test("a caller's deadline is kept while nothing else is due (D9)", async () => {
    const three = new Harness(ids);
    const answer = three.reads.add(25).catch((error: Error) => error.message);
    three.loop.schedule();
    let answered = false;
    void answer.then(() => {
      answered = true;
    });
    await three.clock.idle(24);
    expect(answered).toBe(false);
    await three.clock.idle(2 * limits.tickMs);
    expect(answered).toBe(true);
  });

  test("the effects have their turn when they asked for it", async () => {
    const three = new Harness(ids);
    await three.clock.settle();
    three.effectsDueMs = 15;
    three.loop.schedule();
    await three.clock.settle();
    three.effectsDueMs = Number.POSITIVE_INFINITY;
    expect(await three.clock.idle(20)).toBe(1);
  });

  test("time in which the process stood still counts for one sleep and a few ticks at most (C5)", async () => {
    const three = new Harness(ids);
    for (let i = 0; i < 6; i += 1) {
      await three.clock.idle(heartbeatMs / 2);
      await three.clock.advance(10 * timeoutMs);
    }
    expect(three.sent).toEqual([]);
  });

  test("one that was stopped wakes no more", async () => {
    const three = new Harness(ids);
    await three.clock.idle(50);
    three.loop.stop();
    expect(three.clock.timers).toBe(0);
    expect(await three.clock.idle(10 * timeoutMs)).toBe(0);
  });
});

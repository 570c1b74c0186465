/**
 * What an idle member costs: a leader of one, and a follower that hears heartbeats, under a simulated clock.
 * Run by hand:
 *
 *   node replica/bench/idle.ts [--seconds N]
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createLogger } from "../src/log.ts";
import { decodeConfiguration, encodeConfiguration } from "../src/raft/confchange/codec.ts";
import type { Message } from "../src/raft/types.ts";
import type { Clock } from "../src/runtime/clock.ts";
import { loadConfig } from "../src/runtime/config.ts";
import { DiskWatch } from "../src/runtime/disk-watch.ts";
import { limits } from "../src/runtime/limits.ts";
import { Member } from "../src/runtime/member.ts";
import { noMetrics } from "../src/runtime/runtime-metrics.ts";
import { DiskSpace } from "../src/storage/disk-space.ts";
import { openDataDirectory } from "../src/storage/open-data-directory.ts";
import { systemMachine } from "../src/storage/system/system-machine.ts";
import type { PeerTransport } from "../src/transport/types.ts";

const { values: flags } = parseArgs({ options: { seconds: { type: "string", default: "200" } } });
const seconds = Number(flags.seconds);

/** Timers in order of their time; `soon` is now. */
class BenchClock implements Clock {
  #nowMs = 0;
  #timers: { readonly dueMs: number; readonly callback: () => void }[] = [];
  wakeUps = 0;

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { dueMs: this.#nowMs + delayMs, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  soon(callback: () => void): void {
    this.after(0, callback);
  }

  runUntil(untilMs: number): void {
    for (;;) {
      let next = this.#timers[0];
      for (const timer of this.#timers) if (next && timer.dueMs < next.dueMs) next = timer;
      if (next === undefined || next.dueMs > untilMs) break;
      this.#timers.splice(this.#timers.indexOf(next), 1);
      if (next.dueMs > this.#nowMs) this.wakeUps += 1;
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.callback();
    }
    this.#nowMs = untilMs;
  }
}

async function measure(name: string, others: readonly bigint[]): Promise<void> {
  const path = mkdtempSync(join(tmpdir(), "rstore-idle-"));
  const failed = (error: unknown): never => {
    throw error;
  };
  const clock = new BenchClock();
  // Of the system only what a simulation has too.
  const files = { ...systemMachine.files, stat: async () => undefined };
  const directory = await openDataDirectory(path, { randomBytes, decodeConfiguration, onFatal: failed });
  const voters = [directory.identity.memberId, ...others].sort((a, b) => (a < b ? -1 : 1));
  const context = new Uint8Array();
  await directory.bootstrap(
    1n,
    encodeConfiguration({ voters, outgoing: [], learners: [], learnersNext: [], context }),
  );
  const log = createLogger({ level: "silent", format: "json", name: "" });
  const config = loadConfig({ dataDir: path }, {});
  const space = new DiskSpace({
    directory: path,
    reserveFile: join(path, "reserve"),
    reserveMaxBytes: 0,
    quotaBytes: config.quotaBytes,
    usage: () => directory.store.usage(),
    machine: { ...systemMachine, files },
    faults: { statfs: async () => ({ freeBytes: 1e12, totalBytes: 1e12 }) },
  });
  const transport = {
    setPeers: () => {},
    // The leader answers reads, or the member would ask for ever whether it has caught up.
    send(messages: readonly Message[]) {
      for (const message of messages) {
        if (message.type !== "ReadIndexRequest") continue;
        const { from: to, to: from, term, requestId } = message;
        const answer = { from, to, term, requestId, index: 1n, rejected: false } as const;
        member.loop.receive([{ type: "ReadIndexResponse", ...answer }]);
      }
    },
  } as unknown as PeerTransport;
  const member = new Member({
    directory,
    config,
    clock,
    random: () => 0.5,
    transport,
    log,
    metrics: noMetrics,
    disk: new DiskWatch(space, log),
    limits,
    failed,
    removed: () => {},
  });
  member.start();
  const heartbeat = (): void => {
    const [from] = others;
    if (from === undefined) return;
    const { commit } = directory.log.durablePosition();
    const to = member.id;
    member.loop.receive([{ type: "Heartbeat", from, to, term: 2n, commit, readSequence: 0n }]);
  };
  let nowMs = 0;
  const run = async (forMs: number, diskTurn: () => Promise<void>): Promise<void> => {
    for (const endMs = nowMs + forMs; nowMs < endMs; nowMs += 100) {
      heartbeat();
      clock.runUntil(nowMs + 100);
      if (nowMs % 500 === 0) await diskTurn();
    }
  };
  // Until it is elected and has written what it found.
  await run(20_000, () => new Promise((resolve) => setTimeout(resolve, 5)));
  clock.wakeUps = 0;
  const startMs = performance.now();
  await run(seconds * 1000, () => new Promise((resolve) => setImmediate(resolve)));
  const tookUs = (performance.now() - startMs) * 1000;
  const ticks = (seconds * 1000) / limits.tickMs;
  const perTick = (tookUs / ticks).toFixed(3);
  const perSecond = (clock.wakeUps / seconds).toFixed(1);
  console.log(
    `${name.padEnd(10)} ${member.role.padEnd(10)} ${perTick} us a tick, ${perSecond} wake-ups a second`,
  );
  await directory.close();
  rmSync(path, { recursive: true });
}

await measure("alone", []);
await measure("of three", [2n, 3n]);

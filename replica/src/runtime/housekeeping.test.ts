import { expect, test } from "vitest";
import { runtimeCounted } from "../metrics/definitions.ts";
import { createInstruments } from "../metrics/instruments.ts";
import { Housekeeping } from "./housekeeping.ts";
import { limits } from "./limits.ts";
import { noMetrics } from "./runtime-metrics.ts";

type Parts = ConstructorParameters<typeof Housekeeping>[0];

const electionTimeoutMs = 1000;
const stallMs = limits.stalledWriteTimeouts * electionTimeoutMs;

/** Looks after a member with nothing to do, until a time; answers when it handed leadership over. */
async function handOversUntil(untilMs: number, change: object): Promise<number[]> {
  const handOvers: number[] = [];
  let nowMs = 0;
  const parts = {
    isLeader: () => true,
    snapshotSender: { tick: () => {}, pinnedIndex: () => undefined },
    machine: { durableAppliedIndex: 0n },
    compactor: { tick: () => {} },
    handOver: async () => {
      handOvers.push(nowMs);
    },
    writingSinceMs: () => undefined,
    directory: {
      log: { indexLeaving: () => 0n, firstIndex: () => 1n },
      store: { scrubStep: () => ({ records: 0, bytes: 0, passed: false }) },
    },
    limits,
    metrics: noMetrics,
    config: { logRetainedEntries: 1, logRetainedBytes: 1, electionTimeoutMs },
    disk: { check: async () => {}, report: { state: "ok" } },
    log: { isDebug: false, record: () => {} },
    failed: (error: unknown) => {
      throw error;
    },
    ...change,
  } as unknown as Parts;
  const housekeeping = new Housekeeping(parts);
  for (; nowMs <= untilMs; nowMs += limits.housekeepingMs) {
    housekeeping.tick(nowMs);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return handOvers;
}

test("a leader on a full disk hands over once in a while, or full members would pass leadership round (B11)", async () => {
  const disk = { check: async () => {}, report: { state: "full" } };
  expect(await handOversUntil(limits.fullHandOverMs, { disk })).toEqual([0, limits.fullHandOverMs]);
});

test("a leader whose disk does not end a write hands over, and again if nobody took it (B12)", async () => {
  const writingSinceMs = () => 1000;
  expect(await handOversUntil(1000 + 2 * stallMs, { writingSinceMs })).toEqual([
    1000 + stallMs,
    1000 + 2 * stallMs,
  ]);
});

test("writes that end in time, one after the other, are no reason to hand over (B12)", async () => {
  let nowMs = 0;
  const writingSinceMs = () => {
    nowMs += limits.housekeepingMs;
    return nowMs - stallMs;
  };
  expect(await handOversUntil(4 * stallMs, { writingSinceMs })).toEqual([]);
});

test("a follower has nothing to hand over (B12)", async () => {
  expect(await handOversUntil(4 * stallMs, { writingSinceMs: () => 0, isLeader: () => false })).toEqual([]);
});

test("what was verified in the background is counted, and whole passes", async () => {
  const metrics = createInstruments(runtimeCounted);
  const steps = [false, true, false].map((passed) => ({ records: 5, bytes: 50, passed }));
  const store = { scrubStep: () => steps.shift()! };
  const log = { indexLeaving: () => 0n, firstIndex: () => 1n };
  await handOversUntil(2 * limits.housekeepingMs, { metrics, directory: { log, store } });
  expect([metrics.scrubbedRecords.value, metrics.scrubPasses.value]).toEqual([15, 1]);
});

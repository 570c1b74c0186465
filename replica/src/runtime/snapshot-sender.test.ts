import { beforeEach, expect, test } from "vitest";
import { createLogger } from "../log.ts";
import { runtimeCounted } from "../metrics/definitions.ts";
import { createInstruments } from "../metrics/instruments.ts";
import type { InstallSnapshot } from "../raft/types.ts";
import type { DurableLog, SnapshotDescription, SnapshotSource } from "../storage/types.ts";
import type { Clock } from "./clock.ts";
import { limits } from "./limits.ts";
import type { RuntimeMetrics } from "./runtime-metrics.ts";
import { SnapshotSender } from "./snapshot-sender.ts";

const configuration = {
  index: 1n,
  configuration: { voters: [1n, 2n], outgoing: [], learners: [], learnersNext: [], context: Buffer.of() },
};
const at = (index: bigint) => ({ index, term: 1n, configuration });
const offerTo = (to: bigint, index: bigint): InstallSnapshot => ({
  type: "InstallSnapshot",
  from: 1n,
  to,
  term: 1n,
  snapshot: at(index),
});

let nowMs: number;
let finishCopy: (index: bigint) => void;
let acknowledged: bigint;
let durableApplied: bigint;
let copies: number;
let metrics: RuntimeMetrics;
let sender: SnapshotSender;

beforeEach(() => {
  metrics = createInstruments(runtimeCounted);
  nowMs = 0;
  copies = 0;
  durableApplied = 100n;
  acknowledged = 0n;
  let current: SnapshotDescription | undefined;
  const source: Partial<SnapshotSource> = {
    create: () =>
      new Promise((resolve) => {
        copies += 1;
        finishCopy = (index) => {
          current = { snapshotId: "s", snapshot: at(index), sizeBytes: 1, checksum: Buffer.of() };
          resolve(current);
        };
      }),
    current: () => current,
  };
  const log: Partial<DurableLog> = {
    snapshot: () => undefined,
    firstIndex: () => 90n,
    offerSnapshot: () => {},
  };
  sender = new SnapshotSender({
    source: source as SnapshotSource,
    log: log as DurableLog,
    logger: createLogger({ level: "silent", format: "json", name: "" }),
    clock: { nowMs: () => nowMs } as Clock,
    limits,
    metrics,
    offer: () => {},
    term: () => 1n,
    durableApplied: () => durableApplied,
    acknowledged: () => acknowledged,
    sent: () => {},
    failed: (error) => {
      throw error;
    },
  });
});

async function made(): Promise<void> {
  sender.logForCore().snapshot();
  finishCopy(105n);
  await new Promise((resolve) => setImmediate(resolve));
}

test("the log is kept from where a copy began while it is made: it would be too old when done (A15)", async () => {
  expect(sender.pinnedIndex()).toBeUndefined();
  expect(sender.logForCore().snapshot()).toBeUndefined();
  expect(sender.pinnedIndex()).toBe(100n);
});

test("a copy that was made is kept usable until it is offered, for a while (A15)", async () => {
  await made();
  sender.tick();
  expect(sender.pinnedIndex()).toBe(105n);
  nowMs = limits.snapshotStalledMs;
  sender.tick();
  expect(sender.pinnedIndex()).toBeUndefined();
});

test("the log is kept until the follower has installed what it fetched (A15)", async () => {
  await made();
  sender.offer(offerTo(2n, 105n));
  sender.fetched(2n, true);
  sender.tick();
  expect(sender.pinnedIndex(), "fetched, not acknowledged").toBe(105n);
  acknowledged = 105n;
  sender.tick();
  expect(sender.pinnedIndex(), "acknowledged").toBeUndefined();
});

test("a follower that never acknowledges what it fetched holds the log for a limited time", async () => {
  await made();
  sender.offer(offerTo(2n, 105n));
  sender.fetched(2n, true);
  nowMs = limits.snapshotStalledMs;
  sender.tick();
  expect(sender.pinnedIndex()).toBeUndefined();
});

test("who lost its store is offered a copy only of one that reaches what it needs (B7)", () => {
  const request = { from: 2n, to: 1n, minIndex: 0n };
  durableApplied = 0n;
  sender.request(request);
  durableApplied = 99n;
  sender.request({ ...request, minIndex: 100n });
  expect(copies).toBe(0);
  durableApplied = 100n;
  sender.request({ ...request, minIndex: 100n });
  expect(copies).toBe(1);
});

test("what was sent, made and given up is counted", async () => {
  await made();
  sender.offer(offerTo(2n, 105n));
  sender.offer(offerTo(3n, 105n));
  sender.offer(offerTo(4n, 105n));
  expect(sender.underWay).toBe(3);
  nowMs = 3000;
  sender.fetched(2n, true);
  sender.fetched(3n, false);
  nowMs = limits.snapshotStalledMs;
  sender.tick();
  const { snapshotSends, snapshotSendDuration, snapshotCreateDuration } = metrics;
  expect(snapshotSends.labels({ result: "ok" }).value).toBe(1);
  expect(snapshotSends.labels({ result: "failed" }).value).toBe(2);
  expect(snapshotSendDuration.sum).toBe(3);
  expect(snapshotCreateDuration.counts.reduce((sum, count) => sum + count)).toBe(1);
});

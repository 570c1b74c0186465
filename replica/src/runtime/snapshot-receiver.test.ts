import { expect, test } from "vitest";
import { createLogger } from "../log.ts";
import { runtimeCounted } from "../metrics/definitions.ts";
import { createInstruments } from "../metrics/instruments.ts";
import {
  type ReceivedSnapshot,
  type SnapshotDescription,
  type SnapshotSink,
  StorageError,
} from "../storage/types.ts";
import type { PeerTransport, SnapshotOffer } from "../transport/types.ts";
import { systemClock } from "./clock.ts";
import { limits } from "./limits.ts";
import { noMetrics } from "./runtime-metrics.ts";
import { SnapshotReceiver } from "./snapshot-receiver.ts";

function offerAt(index: bigint): SnapshotOffer {
  const configuration = {
    voters: [1n, 2n],
    outgoing: [],
    learners: [],
    learnersNext: [],
    context: Buffer.of(),
  };
  return {
    from: 1n,
    to: 2n,
    term: 3n,
    snapshot: { index, term: 3n, configuration: { index: 1n, configuration } },
    snapshotId: `snapshot ${index}`,
    sizeBytes: 1,
    checksum: Buffer.of(),
  };
}

class FakeSink implements SnapshotSink {
  readonly begun: bigint[] = [];
  readonly written: number[] = [];
  #description: SnapshotDescription | undefined;

  async begin(description: SnapshotDescription): Promise<number> {
    this.#description = description;
    this.begun.push(description.snapshot.index);
    return 0;
  }

  async write(chunk: { readonly offset: number }): Promise<void> {
    this.written.push(chunk.offset);
  }

  async finish(): Promise<ReceivedSnapshot> {
    const { snapshotId, snapshot } = this.#description!;
    return { snapshotId, snapshot, path: "incoming" };
  }

  async abort(): Promise<void> {}
}

function createReceiver(
  chunks: () => AsyncIterable<{ offset: number; data: Uint8Array; checksum: number }>,
  metrics = noMetrics,
) {
  const sink = new FakeSink();
  const received: bigint[] = [];
  const failures: unknown[] = [];
  const receiver = new SnapshotReceiver({
    sink,
    transport: { fetchSnapshot: chunks } as unknown as PeerTransport,
    logger: createLogger({ level: "silent", format: "json", name: "" }),
    clock: systemClock,
    limits,
    metrics,
    received: ({ snapshot }) => received.push(snapshot.index),
    failed: (error) => failures.push(error),
  });
  return { sink, receiver, received, failures };
}

async function* oneChunk() {
  yield { offset: 0, data: Buffer.of(1), checksum: 0 };
}

test("the file of a snapshot that waits to be installed is not taken away by the next offer (A16)", async () => {
  const { sink, receiver, received } = createReceiver(oneChunk);
  receiver.offered(offerAt(10n));
  await expect.poll(() => received).toEqual([10n]);
  await expect.poll(() => receiver.fetching).toBe(false);

  receiver.offered(offerAt(20n));
  expect(sink.begun, "before the install begins").toEqual([10n]);
  expect(receiver.take(offerAt(10n).snapshot).snapshot.index).toBe(10n);
  receiver.offered(offerAt(20n));
  expect(sink.begun, "while it is installed").toEqual([10n]);

  receiver.release();
  receiver.offered(offerAt(20n));
  await expect.poll(() => received).toEqual([10n, 20n]);
});

test("a snapshot that the core did not want makes room for the next", async () => {
  const { receiver, received } = createReceiver(oneChunk);
  receiver.offered(offerAt(10n));
  await expect.poll(() => received).toEqual([10n]);
  await expect.poll(() => receiver.fetching).toBe(false);
  receiver.releaseUnlessTaken();
  receiver.offered(offerAt(20n));
  await expect.poll(() => received).toEqual([10n, 20n]);
});

test("a fetch that is under way when the member stops touches the disk no more", async () => {
  let next = () => {};
  const { sink, receiver, received, failures } = createReceiver(async function* () {
    yield { offset: 0, data: Buffer.of(1), checksum: 0 };
    await new Promise<void>((resolve) => {
      next = resolve;
    });
    yield { offset: 1, data: Buffer.of(1), checksum: 0 };
  });
  receiver.offered(offerAt(10n));
  await expect.poll(() => sink.written).toEqual([0]);
  receiver.stop();
  next();
  await expect.poll(() => receiver.fetching).toBe(false);
  expect(sink.written).toEqual([0]);
  receiver.offered(offerAt(20n));
  expect({ begun: sink.begun, received, failures }).toEqual({ begun: [10n], received: [], failures: [] });
});

test("a fetch that fails is counted, and the bytes of one that does not", async () => {
  const metrics = createInstruments(runtimeCounted);
  const { receiver } = createReceiver(oneChunk, metrics);
  receiver.offered(offerAt(10n));
  await expect.poll(() => metrics.snapshotFetchDuration.counts.some((count) => count > 0)).toBe(true);
  expect(metrics.snapshotReceivedBytes.value).toBe(1);
  const full = createReceiver(() => {
    throw new StorageError("noSpace", "no room");
  }, metrics);
  full.receiver.offered(offerAt(10n));
  await expect.poll(() => metrics.snapshotInstalls.labels({ result: "failed" }).value).toBe(1);
});

import type { Logger } from "../log.ts";
import type { InstallSnapshot, SnapshotMetadata } from "../raft/types.ts";
import { type ReceivedSnapshot, type SnapshotSink, StorageError } from "../storage/types.ts";
import type { PeerTransport, SnapshotOffer } from "../transport/types.ts";
import type { Clock } from "./clock.ts";
import type { RuntimeLimits } from "./limits.ts";
import { formatId } from "./membership.ts";
import type { RuntimeMetrics } from "./runtime-metrics.ts";

interface SnapshotReceiverParts {
  readonly sink: SnapshotSink;
  readonly transport: PeerTransport;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly limits: RuntimeLimits;
  readonly metrics: RuntimeMetrics;
  /** Hands the message to the core once the file is here and verified. */
  readonly received: (message: InstallSnapshot) => void;
  readonly failed: (error: unknown) => void;
}

/** The follower's end of snapshots: fetches one at a time, resumes where the last connection broke. */
export class SnapshotReceiver {
  readonly #parts: SnapshotReceiverParts;
  #fetching: SnapshotOffer | undefined;
  /** From its arrival until it is installed or not wanted: its file must stay as it is (A16). */
  #received: ReceivedSnapshot | undefined;
  #taken = false;
  #stopped = false;

  constructor(parts: SnapshotReceiverParts) {
    this.#parts = parts;
  }

  get fetching(): boolean {
    return this.#fetching !== undefined;
  }

  /** It fetches a snapshot, or one that is here is being installed. */
  get busy(): boolean {
    return this.#fetching !== undefined || this.#received !== undefined;
  }

  /** An offer while another is fetched or installed is not taken: the leader offers again. */
  offered(offer: SnapshotOffer): void {
    if (this.#fetching !== undefined || this.#received !== undefined || this.#stopped) return;
    this.#fetching = offer;
    const { logger, metrics, failed } = this.#parts;
    this.#fetch(offer)
      .catch((error: unknown) => {
        // The directory may be closed already, or be another member's.
        if (this.#stopped) return;
        metrics.snapshotInstalls.labels({ result: "failed" }).increment();
        if (!(error instanceof StorageError)) return failed(error);
        logger.record("snapshot.fetch.failed", { reason: error.code, message: error.message });
      })
      .finally(() => {
        this.#fetching = undefined;
      });
  }

  /** The verified file that an install of this snapshot uses, until `release`. */
  take(snapshot: SnapshotMetadata): ReceivedSnapshot {
    const received = this.#received;
    if (received === undefined || received.snapshot.index !== snapshot.index) {
      throw new Error(`the core installs a snapshot at ${snapshot.index} that was not fetched`);
    }
    this.#taken = true;
    return received;
  }

  /** What was taken is installed: the next may be fetched. */
  release(): void {
    this.#received = undefined;
    this.#taken = false;
  }

  /** The core has seen the message: what it did not want by now, it never will. */
  releaseUnlessTaken(): void {
    if (!this.#taken) this.release();
  }

  /** Nothing more is written to the disk; a chunk that is on its way is the last. */
  stop(): void {
    this.#stopped = true;
  }

  async #fetch(offer: SnapshotOffer): Promise<void> {
    const { sink, logger, metrics, clock, received } = this.#parts;
    const beganMs = clock.nowMs();
    const { index } = offer.snapshot;
    logger.record("snapshot.fetch", { from: formatId(offer.from), index, bytes: offer.sizeBytes });
    if (!(await this.#fetchChunks(offer))) {
      if (!this.#stopped) metrics.snapshotInstalls.labels({ result: "failed" }).increment();
      return;
    }
    const file = await sink.finish();
    if (this.#stopped) return;
    metrics.snapshotFetchDuration.observe((clock.nowMs() - beganMs) / 1000);
    this.#received = file;
    received({
      type: "InstallSnapshot",
      from: offer.from,
      to: offer.to,
      term: offer.term,
      snapshot: offer.snapshot,
    });
  }

  /** False when the leader could not be reached for too long: it will offer again. */
  async #fetchChunks(offer: SnapshotOffer): Promise<boolean> {
    const { sink, transport, logger, limits, metrics } = this.#parts;
    let fruitless = 0;
    while (!this.#stopped) {
      let offset = await sink.begin(offer);
      const startedAt = offset;
      try {
        for await (const chunk of transport.fetchSnapshot(offer.from, offer.snapshotId, offset)) {
          if (this.#stopped) return false;
          await sink.write(chunk);
          offset = chunk.offset + chunk.data.length;
          metrics.snapshotReceivedBytes.increment(chunk.data.length);
        }
        if (offset === offer.sizeBytes) return !this.#stopped;
      } catch (error) {
        if (error instanceof StorageError && error.code !== "badSnapshot") throw error;
        logger.record("snapshot.fetch.interrupted", { offset, reason: (error as Error).message });
      }
      fruitless = offset > startedAt ? 0 : fruitless + 1;
      if (fruitless >= limits.snapshotFetchAttemptsMax) return false;
      await this.#pause();
    }
    return false;
  }

  #pause(): Promise<void> {
    const { clock, limits } = this.#parts;
    return new Promise((resolve) => {
      clock.after(limits.snapshotRetryMs, resolve);
    });
  }
}

import type { Logger } from "../log.ts";
import type { InstallSnapshot, LogStorage, MemberId } from "../raft/types.ts";
import {
  type DurableLog,
  type SnapshotChunk,
  type SnapshotDescription,
  type SnapshotSource,
  StorageError,
} from "../storage/types.ts";
import type { SnapshotOffer, SnapshotRequest } from "../transport/types.ts";
import type { Clock } from "./clock.ts";
import type { RuntimeLimits } from "./limits.ts";
import { formatId } from "./membership.ts";
import type { RuntimeMetrics } from "./runtime-metrics.ts";

interface SnapshotSenderParts {
  readonly source: SnapshotSource;
  readonly log: DurableLog;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly limits: RuntimeLimits;
  readonly metrics: RuntimeMetrics;
  readonly offer: (offer: SnapshotOffer) => void;
  readonly term: () => bigint;
  /** A copy of the store that begins now reaches at least to here. */
  readonly durableApplied: () => bigint;
  /** As leader: up to where a member has acknowledged the log. */
  readonly acknowledged: (peer: MemberId) => bigint | undefined;
  /** Tells the core how a transfer ended. */
  readonly sent: (peer: MemberId, ok: boolean) => void;
  readonly failed: (error: unknown) => void;
}

/**
 * The leader's end of snapshots: makes one when the core needs one, offers it, lets followers fetch it, and
 * gives up on those that stopped fetching. The log is pinned from its index while it is made, offered, fetched
 * and installed: what ends before the log begins would have to be followed by another, for ever (A15).
 */
export class SnapshotSender {
  readonly #parts: SnapshotSenderParts;
  /** Where the copy that is being made begins at the least. */
  #makingFrom: bigint | undefined;
  #retryAtMs = 0;
  /** Until when a copy that nobody was offered yet is kept usable. */
  #freshUntilMs = 0;
  /** Followers that were offered a snapshot, when, and when anyone last fetched some of it. */
  readonly #offered = new Map<MemberId, { readonly sinceMs: number; progressMs: number }>();
  /** Followers that have fetched all of it and install it. */
  readonly #installing = new Map<MemberId, { readonly index: bigint; readonly sinceMs: number }>();

  constructor(parts: SnapshotSenderParts) {
    this.#parts = parts;
  }

  /** The log as the core reads it: asking for a snapshot that is not there has one made. */
  logForCore(): LogStorage {
    const { log } = this.#parts;
    return {
      initialState: () => log.initialState(),
      firstIndex: () => log.firstIndex(),
      lastIndex: () => log.lastIndex(),
      term: (index) => log.term(index),
      entries: (low, high, maxBytes) => log.entries(low, high, maxBytes),
      snapshot: () => {
        const snapshot = log.snapshot();
        if (snapshot !== undefined && snapshot.index + 1n >= log.firstIndex()) return snapshot;
        this.#make();
        return undefined;
      },
    };
  }

  #make(): void {
    const { source, log, logger, clock, limits, metrics, failed, durableApplied } = this.#parts;
    if (this.#makingFrom !== undefined || clock.nowMs() < this.#retryAtMs) return;
    const beganMs = clock.nowMs();
    this.#makingFrom = durableApplied();
    source.create().then(
      (description) => {
        this.#makingFrom = undefined;
        this.#freshUntilMs = clock.nowMs() + limits.snapshotStalledMs;
        log.offerSnapshot(description.snapshot);
        const { snapshot, sizeBytes: bytes } = description;
        const tookMs = clock.nowMs() - beganMs;
        metrics.snapshotCreateDuration.observe(tookMs / 1000);
        logger.record("snapshot.made", { index: snapshot.index, bytes, tookMs });
      },
      (error: unknown) => {
        this.#makingFrom = undefined;
        if (!(error instanceof StorageError)) return failed(error);
        this.#retryAtMs = clock.nowMs() + limits.snapshotRetryMs;
        logger.record("snapshot.refused", { reason: error.code, message: error.message });
      },
    );
  }

  /** The core wants a follower to install the snapshot that the log offers. */
  offer(message: InstallSnapshot): void {
    const { source, sent, offer, clock } = this.#parts;
    const description = source.current();
    if (description === undefined || description.snapshot.index !== message.snapshot.index) {
      sent(message.to, false);
      return;
    }
    this.#isOffered(message.to, clock.nowMs(), description);
    offer(offerFrom(message, description));
  }

  /** A member lost its store: it is offered what is there, or what is made now when it asks again. */
  request({ from, to, minIndex }: SnapshotRequest): void {
    const { source, offer, clock, term, durableApplied } = this.#parts;
    const description = source.current();
    if (description === undefined || description.snapshot.index < minIndex) {
      // A copy of a store that does not reach there yet, or holds nothing at all, would help nobody.
      const reached = durableApplied();
      if (reached > 0n && reached >= minIndex) this.#make();
      return;
    }
    this.#isOffered(from, clock.nowMs(), description);
    offer(offerFrom({ from: to, to: from, term: term() }, description));
  }

  #isOffered(peer: MemberId, nowMs: number, { snapshot, sizeBytes }: SnapshotDescription): void {
    const fields = { peer: formatId(peer), index: snapshot.index, bytes: sizeBytes };
    this.#parts.logger.record("snapshot.offered", fields);
    this.#freshUntilMs = 0;
    this.#installing.delete(peer);
    this.#offered.set(peer, { sinceMs: nowMs, progressMs: nowMs });
  }

  read(snapshotId: string, offset: number): AsyncIterable<SnapshotChunk> | undefined {
    const chunks = this.#parts.source.read(snapshotId, offset);
    return chunks === undefined ? undefined : this.#watched(chunks);
  }

  async *#watched(chunks: AsyncIterable<SnapshotChunk>): AsyncIterable<SnapshotChunk> {
    for await (const chunk of chunks) {
      const nowMs = this.#parts.clock.nowMs();
      for (const offered of this.#offered.values()) offered.progressMs = nowMs;
      yield chunk;
      this.#parts.metrics.snapshotSentBytes.increment(chunk.data.length);
    }
  }

  fetched(peer: MemberId, ok: boolean): void {
    const offered = this.#offered.get(peer);
    if (offered === undefined) return;
    this.#offered.delete(peer);
    const { source, clock, sent, logger, metrics } = this.#parts;
    metrics.snapshotSends.labels({ result: ok ? "ok" : "failed" }).increment();
    if (ok) metrics.snapshotSendDuration.observe((clock.nowMs() - offered.sinceMs) / 1000);
    if (ok) logger.record("snapshot.sent", { peer: formatId(peer) });
    else logger.record("snapshot.send.failed", { peer: formatId(peer), reason: "gave-up" });
    const index = source.current()?.snapshot.index;
    if (ok && index !== undefined) this.#installing.set(peer, { index, sinceMs: clock.nowMs() });
    sent(peer, ok);
  }

  /** Gives up on followers that made no progress, and on the copy once nobody needs it. */
  tick(): void {
    const { clock, limits, sent, source, log, logger, metrics, failed, acknowledged } = this.#parts;
    const nowMs = clock.nowMs();
    for (const [peer, { progressMs }] of this.#offered) {
      if (nowMs - progressMs < limits.snapshotStalledMs) continue;
      this.#offered.delete(peer);
      metrics.snapshotSends.labels({ result: "failed" }).increment();
      logger.record("snapshot.send.failed", { peer: formatId(peer), reason: "no-progress" });
      sent(peer, false);
    }
    for (const [peer, { index, sinceMs }] of this.#installing) {
      const done = (acknowledged(peer) ?? 0n) >= index;
      if (done || nowMs - sinceMs >= limits.snapshotStalledMs) this.#installing.delete(peer);
    }
    const current = source.current();
    if (current === undefined || this.#makingFrom !== undefined || this.#offered.size > 0) return;
    if (current.snapshot.index + 1n >= log.firstIndex()) return;
    log.offerSnapshot(undefined);
    source.discard().catch(failed);
  }

  /** Followers that were offered a snapshot and have not read all of it. */
  get underWay(): number {
    return this.#offered.size;
  }

  /** The index that the log must be kept from for a snapshot that is on its way; undefined: none is. */
  pinnedIndex(): bigint | undefined {
    const { clock, source } = this.#parts;
    const inUse = this.#offered.size > 0 || this.#installing.size > 0 || clock.nowMs() < this.#freshUntilMs;
    const index = inUse ? source.current()?.snapshot.index : undefined;
    const from = this.#makingFrom;
    return index === undefined || (from !== undefined && from < index) ? from : index;
  }
}

function offerFrom(
  message: Pick<InstallSnapshot, "from" | "to" | "term">,
  description: SnapshotDescription,
): SnapshotOffer {
  return {
    from: message.from,
    to: message.to,
    term: message.term,
    snapshot: description.snapshot,
    snapshotId: description.snapshotId,
    sizeBytes: description.sizeBytes,
    checksum: description.checksum,
  };
}

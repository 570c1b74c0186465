import { decodeMemberRecords } from "../apply/member-records.ts";
import type { Logger } from "../log.ts";
import type { IndexedConfiguration, SnapshotMetadata } from "../raft/types.ts";
import type { DataDirectory } from "../storage/types.ts";
import type { PeerAddress, PeerTransport, SnapshotOffer } from "../transport/types.ts";
import type { Clock } from "./clock.ts";
import type { RuntimeLimits } from "./limits.ts";
import { PeerDirectory } from "./peer-directory.ts";
import type { RuntimeMetrics } from "./runtime-metrics.ts";
import { SnapshotReceiver } from "./snapshot-receiver.ts";

interface RecoveryParts {
  readonly directory: DataDirectory;
  readonly transport: PeerTransport;
  readonly clock: Clock;
  readonly limits: RuntimeLimits;
  readonly log: Logger;
  readonly metrics: RuntimeMetrics;
  readonly minIndex: bigint;
  readonly configuration: IndexedConfiguration | undefined;
  readonly failed: (error: unknown) => void;
  /** The store is whole again: the core may start. */
  readonly recovered: () => void;
}

/**
 * A member whose store was lost or damaged and whose log no longer covers it (B7). It keeps its term, vote and
 * log, and takes no part until it has fetched a snapshot from any of its peers, asked in turn.
 */
export class Recovery {
  readonly peers: PeerDirectory;
  readonly #parts: RecoveryParts;
  readonly #receiver: SnapshotReceiver;
  #addresses: readonly PeerAddress[] = [];
  #asked = 0;
  #cancel: () => void = () => {};
  #stopped = false;

  constructor(parts: RecoveryParts) {
    const { directory, transport, clock, limits, log, metrics, failed } = parts;
    this.#parts = parts;
    const setPeers = (addresses: readonly PeerAddress[]): void => {
      this.#addresses = addresses;
      transport.setPeers(addresses);
    };
    this.peers = new PeerDirectory(directory.identity.memberId, setPeers, limits);
    this.#receiver = new SnapshotReceiver({
      sink: directory.incoming,
      transport,
      logger: log,
      clock,
      limits,
      metrics,
      received: ({ snapshot }) => this.#install(snapshot),
      failed,
    });
  }

  start(): void {
    const { configuration, clock } = this.#parts;
    if (configuration !== undefined && decodeMemberRecords(configuration.configuration.context).length > 0) {
      this.peers.follow(configuration, clock.nowMs());
    }
    this.#askNext();
  }

  stop(): void {
    this.#stopped = true;
    this.#receiver.stop();
    this.#cancel();
  }

  #askNext(): void {
    if (this.#stopped) return;
    const { transport, directory, minIndex, clock, limits } = this.#parts;
    const peer = this.#addresses[this.#asked % Math.max(1, this.#addresses.length)];
    this.#asked += 1;
    if (peer !== undefined && !this.#receiver.fetching) {
      transport.requestSnapshot({ from: directory.identity.memberId, to: peer.memberId, minIndex });
    }
    this.#cancel = clock.after(limits.recoveryAskMs, () => this.#askNext());
  }

  offered(offer: SnapshotOffer): void {
    if (!this.#stopped && offer.snapshot.index >= this.#parts.minIndex) this.#receiver.offered(offer);
  }

  #install(snapshot: SnapshotMetadata): void {
    const { directory, clock, log, metrics, recovered, failed } = this.#parts;
    const beganMs = clock.nowMs();
    this.stop();
    directory
      .install(this.#receiver.take(snapshot))
      .then(() => {
        metrics.snapshotInstallDuration.observe((clock.nowMs() - beganMs) / 1000);
        metrics.snapshotInstalls.labels({ result: "ok" }).increment();
        log.record("store.recovered", { index: snapshot.index });
        recovered();
      })
      .catch(failed);
  }
}

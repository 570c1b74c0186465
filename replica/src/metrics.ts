import { collectDefaultMetrics, type Metric, Registry } from "prom-client";
import {
  countedMetrics,
  diskBoundsSeconds,
  peerMetrics,
  type ReplicaReading,
  type RpcReading,
  replicaMetrics,
  requestBoundsSeconds,
  rpcMetrics,
} from "./metrics/definitions.ts";
import {
  type Count,
  CounterFamily,
  type Distribution,
  HistogramFamily,
  type Instrument,
  type Sample,
  Scraped,
} from "./metrics/instruments.ts";
import type { Reason } from "./runtime/replica-api.ts";

export type { ReplicaReading, RpcReading } from "./metrics/definitions.ts";

/** The metrics of one method; keep it where calls of the method end. */
export class MethodMetrics {
  readonly #duration: Distribution;
  readonly #requests: CounterFamily;
  readonly #labels: { readonly service: string; readonly method: string };
  readonly #byCode = new Map<string, Count>();

  constructor(
    requests: CounterFamily,
    durations: HistogramFamily,
    labels: { readonly service: string; readonly method: string },
  ) {
    this.#requests = requests;
    this.#labels = labels;
    this.#duration = durations.labels(labels);
  }

  /** `code` is `ok` or a Connect code such as `unavailable`. */
  finished(code: string, durationMs: number): void {
    this.#duration.observe(durationMs / 1000);
    let count = this.#byCode.get(code);
    if (!count) {
      count = this.#requests.labels({ ...this.#labels, code });
      this.#byCode.set(code, count);
    }
    count.increment();
  }
}

/**
 * Everything that /metrics shows, and nothing of keys or values. What is counted as it happens has a method
 * here; what can be read when it is asked for comes from the functions handed to `readReplica` and `readRpc`.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #requests = new CounterFamily(countedMetrics.requests);
  readonly #requestDuration = new HistogramFamily(countedMetrics.requestDuration, requestBoundsSeconds);
  readonly #proposalsFailed = new CounterFamily(countedMetrics.proposalsFailed);
  readonly #fsync = new HistogramFamily(countedMetrics.fsyncDuration, diskBoundsSeconds);
  readonly #apply = new HistogramFamily(countedMetrics.applyDuration, diskBoundsSeconds);
  readonly #leaderChanges = new CounterFamily(countedMetrics.leaderChanges);
  readonly #connectionsRefused = new CounterFamily(countedMetrics.connectionsRefused);
  readonly #requestsCutOff = new CounterFamily(countedMetrics.requestsCutOff);
  #replica: ReplicaReading | undefined;
  #readReplica: (() => ReplicaReading) | undefined;
  #rpc: RpcReading | undefined;
  #readRpc: (() => RpcReading) | undefined;

  /** Durable commits, observed in seconds. */
  readonly raftFsync: Distribution = this.#fsync.labels({ environment: "raft" });
  readonly storeFsync: Distribution = this.#fsync.labels({ environment: "store" });
  /** Batches applied, observed in seconds. */
  readonly applyDuration: Distribution = this.#apply.labels({});
  readonly leaderChanges: Count = this.#leaderChanges.labels({});
  readonly connectionsRefused: Count = this.#connectionsRefused.labels({});
  readonly requestsCutOff: Count = this.#requestsCutOff.labels({});

  constructor(options: { readonly processMetrics?: boolean } = {}) {
    if (options.processMetrics ?? true) collectDefaultMetrics({ register: this.#registry });
    this.#register(this.#requests, this.#requestDuration, this.#proposalsFailed, this.#fsync, this.#apply);
    this.#register(this.#leaderChanges, this.#connectionsRefused, this.#requestsCutOff);
    for (const { read, type, ...description } of replicaMetrics) {
      this.#register(new Scraped(description, type, () => sampleOf(this.#replica, read)));
    }
    for (const { read, type, ...description } of rpcMetrics) {
      this.#register(new Scraped(description, type, () => sampleOf(this.#rpc, read)));
    }
    for (const { read, type, ...description } of peerMetrics) {
      this.#register(new Scraped(description, type, () => this.#samplePeers(read)));
    }
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Called once at each scrape; must be cheap and must not need a quorum. */
  readReplica(read: () => ReplicaReading): void {
    this.#readReplica = read;
  }

  readRpc(read: () => RpcReading): void {
    this.#readRpc = read;
  }

  proposalFailed(reason: Reason, count = 1): void {
    this.#proposalsFailed.labels({ reason }).increment(count);
  }

  method(service: string, method: string): MethodMetrics {
    return new MethodMetrics(this.#requests, this.#requestDuration, { service, method });
  }

  /** The page in Prometheus' text format. */
  async render(): Promise<string> {
    this.#replica = this.#readReplica?.();
    this.#rpc = this.#readRpc?.();
    return this.#registry.metrics();
  }

  #samplePeers(read: (peer: ReplicaReading["peers"][number]) => number | undefined): Sample[] {
    const samples: Sample[] = [];
    for (const peer of this.#replica?.peers ?? []) {
      const value = read(peer);
      const labels = { peer: peer.memberId.toString(16).padStart(16, "0") };
      if (value !== undefined) samples.push({ labels, value });
    }
    return samples;
  }

  #register(...instruments: readonly Instrument[]): void {
    // The registry only calls `get`; its type asks for the methods of prom-client's own classes.
    for (const instrument of instruments) this.#registry.registerMetric(instrument as unknown as Metric);
  }
}

export function createMetrics(): Metrics {
  return new Metrics();
}

function sampleOf<Reading>(reading: Reading | undefined, read: (reading: Reading) => number): Sample[] {
  return reading === undefined ? [] : [{ labels: {}, value: read(reading) }];
}

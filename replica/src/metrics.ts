import { collectDefaultMetrics, type Metric, Registry } from "prom-client";
import type { CountedDefinition, ScrapedDefinition } from "./metrics/definition.ts";
import { writeFailureReasons } from "./metrics/definitions/consensus.ts";
import { libraryMetrics } from "./metrics/definitions/process.ts";
import {
  apiCounted,
  apiScraped,
  processCounted,
  processScraped,
  replicaScraped,
  runtimeCounted,
} from "./metrics/definitions.ts";
import { Counted, createInstruments, Scraped } from "./metrics/instruments.ts";
import { MethodMetrics } from "./metrics/method-metrics.ts";
import type { ProcessReading, ReplicaReading, RpcReading } from "./metrics/reading.ts";

export type { MethodMetrics };

type Sources = {
  replica: () => ReplicaReading | undefined;
  rpc: () => RpcReading | undefined;
  process: () => ProcessReading | undefined;
};

type Readings = { [Source in keyof Sources]: ReturnType<Sources[Source]> };

/**
 * Everything that /metrics shows, and nothing of keys or values. What is counted as it happens has an instrument
 * here; what can be read when it is asked for comes from the functions handed to `read…`.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #sources: Sources = {
    replica: () => undefined,
    rpc: () => undefined,
    process: () => undefined,
  };
  /** Of the scrape under way: each source is asked once. */
  #readings: Readings = { replica: undefined, rpc: undefined, process: undefined };

  readonly runtime = createInstruments(runtimeCounted);
  readonly api = createInstruments(apiCounted);
  readonly process = createInstruments(processCounted);

  constructor(options: { readonly processMetrics?: boolean } = {}) {
    if (options.processMetrics ?? true) this.#collectLibraryMetrics();
    this.#registerCounted(runtimeCounted, this.runtime);
    this.#registerCounted(apiCounted, this.api);
    this.#registerCounted(processCounted, this.process);
    this.#registerScraped(replicaScraped, "replica");
    this.#registerScraped(apiScraped, "rpc");
    this.#registerScraped(processScraped, "process");
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Called once at each scrape; must be cheap and must not need a quorum. Undefined: nothing to say at the moment. */
  readReplica(read: () => ReplicaReading | undefined): void {
    this.#sources.replica = read;
  }

  readRpc(read: () => RpcReading): void {
    this.#sources.rpc = read;
  }

  readProcess(read: () => ProcessReading): void {
    this.#sources.process = read;
  }

  /** `reason` as rstore.v1.Reason. */
  proposalFailed(reason: string, count = 1): void {
    const known = writeFailureReasons.find((candidate) => candidate === reason) ?? "other";
    this.api.proposalsFailed.labels({ reason: known }).increment(count);
  }

  method(service: string, method: string): MethodMetrics {
    return new MethodMetrics(this.api, { service, method });
  }

  /** The page in Prometheus' text format. */
  async render(): Promise<string> {
    const { replica, rpc, process } = this.#sources;
    this.#readings = { replica: replica(), rpc: rpc(), process: process() };
    return this.#registry.metrics();
  }

  #collectLibraryMetrics(): void {
    const registry = this.#registry;
    collectDefaultMetrics({ register: registry });
    const kept: readonly string[] = libraryMetrics;
    for (const { name } of registry.getMetricsAsArray()) {
      if (!kept.includes(name)) registry.removeSingleMetric(name);
    }
  }

  #registerScraped<Source extends keyof Readings>(
    definitions: readonly ScrapedDefinition<NonNullable<Readings[Source]>>[],
    source: Source,
  ): void {
    for (const definition of definitions) {
      const reading = () => this.#readings[source] as NonNullable<Readings[Source]> | undefined;
      this.#register(new Scraped(definition, reading));
    }
  }

  #registerCounted(
    definitions: Readonly<Record<string, CountedDefinition>>,
    instruments: Readonly<Record<string, ConstructorParameters<typeof Counted>[1]>>,
  ): void {
    for (const [name, definition] of Object.entries(definitions)) {
      this.#register(new Counted(definition, instruments[name]!));
    }
  }

  #register(instrument: { readonly name: string }): void {
    // The registry only calls `get`; its type asks for the methods of prom-client's own classes.
    this.#registry.registerMetric(instrument as unknown as Metric);
  }
}

export function createMetrics(): Metrics {
  return new Metrics();
}

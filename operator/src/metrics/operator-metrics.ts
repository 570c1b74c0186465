import type { CountedDefinition, Definition, Sample } from "@rstore/replica/metrics/definition";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { libraryMetrics } from "./definitions.ts";
import { errorLabels } from "./error-labels.ts";
import {
  type OperatorReading,
  operatorCounted,
  operatorScraped,
  storeLabels,
} from "./operator-definitions.ts";
import { type StoreReading, storeScraped } from "./store-definitions.ts";

/** Where what is read at a scrape comes from. */
export interface OperatorMetricsSources {
  readonly operator: () => OperatorReading;
  /** Every store that there is; what is not there any more has no series. */
  readonly stores: () => readonly StoreReading[];
}

export type StoreName = Pick<StoreReading, "namespace" | "name">;

/** What the operator says of itself, and of the stores, to Prometheus. */
export class OperatorMetrics {
  readonly #registry = registryOfProcess();
  readonly #reconciles = this.#counter(operatorCounted.reconciles);
  readonly #durations = this.#histogram(operatorCounted.reconcileDuration);
  readonly #errors = this.#counter(operatorCounted.reconcileErrors);
  readonly #waits = this.#histogram(operatorCounted.queueWait);
  readonly #steps = this.#counter(operatorCounted.steps);
  /** Stores that have series of their steps. */
  readonly #counted = new Set<string>();

  constructor({ operator, stores }: OperatorMetricsSources) {
    for (const result of operatorCounted.reconciles.labels.result) this.#reconciles.inc({ result }, 0);
    for (const source of operatorCounted.reconcileErrors.labels.source) {
      this.#errors.inc({ source, reason: source === "operator" ? "internal" : "unavailable" }, 0);
    }
    for (const { read, ...definition } of operatorScraped) {
      this.#gauge(definition, () => samplesOf(read(operator())));
    }
    for (const { read, ...definition } of storeScraped) {
      const labels = { ...storeLabels, ...definition.labels };
      this.#gauge({ ...definition, labels }, () =>
        stores().flatMap((store) =>
          samplesOf(read(store)).map((sample) => ({
            value: sample.value,
            labels: { namespace: store.namespace, store: store.name, ...sample.labels },
          })),
        ),
      );
    }
  }

  /** A store was due for so long when it was looked at. */
  waited(seconds: number): void {
    this.#waits.observe(seconds);
  }

  async timed<T>(look: () => Promise<T>): Promise<T> {
    const end = this.#durations.startTimer();
    try {
      const result = await look();
      this.#reconciles.inc({ result: "ok" });
      return result;
    } catch (error) {
      this.#reconciles.inc({ result: "error" });
      this.#errors.inc({ ...errorLabels(error) });
      throw error;
    } finally {
      end();
    }
  }

  /** What was never counted is 0 from the first look on: an increase from nothing is none to Prometheus. */
  looked(store: StoreName): void {
    const key = keyOf(store);
    if (this.#counted.has(key)) return;
    this.#counted.add(key);
    for (const labels of stepSeries(store)) this.#steps.inc(labels, 0);
  }

  stepTaken(store: StoreName, kind: string, ok: boolean): void {
    this.looked(store);
    this.#steps.inc({ ...labelsOf(store), kind, result: ok ? "taken" : "refused" });
  }

  /** The store is deleted, and its series with it. */
  gone(store: StoreName): void {
    if (!this.#counted.delete(keyOf(store))) return;
    for (const labels of stepSeries(store)) this.#steps.remove(labels);
  }

  /** The page in Prometheus' text format. */
  render(): Promise<string> {
    return this.#registry.metrics();
  }

  #counter(definition: CountedDefinition): Counter {
    return new Counter(this.#configuration(definition));
  }

  #histogram(definition: CountedDefinition): Histogram {
    return new Histogram({ ...this.#configuration(definition), buckets: [...(definition.buckets ?? [])] });
  }

  #gauge(definition: Definition, read: () => readonly Sample[]): void {
    new Gauge({
      ...this.#configuration(definition),
      collect() {
        this.reset();
        for (const { labels, value } of read()) this.set(labels, value);
      },
    });
  }

  #configuration({ name, help, labels = {} }: Definition) {
    return { name, help, labelNames: Object.keys(labels), registers: [this.#registry] };
  }
}

function keyOf({ namespace, name }: StoreName): string {
  return `${namespace}/${name}`;
}

function labelsOf({ namespace, name }: StoreName): { namespace: string; store: string } {
  return { namespace, store: name };
}

function stepSeries(store: StoreName) {
  const { kind, result } = operatorCounted.steps.labels;
  return kind.flatMap((one) => result.map((other) => ({ ...labelsOf(store), kind: one, result: other })));
}

function registryOfProcess(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const kept: readonly string[] = libraryMetrics;
  for (const { name } of registry.getMetricsAsArray()) {
    if (!kept.includes(name)) registry.removeSingleMetric(name);
  }
  return registry;
}

function samplesOf(read: number | readonly Sample[] | undefined): readonly Sample[] {
  if (read === undefined) return [];
  return typeof read === "number" ? [{ labels: {}, value: read }] : read;
}

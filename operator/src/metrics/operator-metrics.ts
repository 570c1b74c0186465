import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { CountedDefinition, Definition, Sample } from "./definition.ts";
import { libraryMetrics, storeLabels } from "./definitions.ts";
import { errorLabels } from "./error-labels.ts";
import { type OperatorReading, operatorCounted, operatorScraped } from "./operator-definitions.ts";
import { type StoreReading, storeScraped } from "./store-definitions.ts";

/** Where what is read at a scrape comes from. */
export interface OperatorMetricsSources {
  readonly operator: () => OperatorReading;
  /** Every store that there is; what is not there any more has no series. */
  readonly stores: () => readonly StoreReading[];
}

/** What the operator says of itself, and of the stores, to Prometheus. */
export class OperatorMetrics {
  readonly #registry = registryOfProcess();
  readonly #reconciles = this.#counter(operatorCounted.reconciles);
  readonly #durations = this.#histogram(operatorCounted.reconcileDuration);
  readonly #errors = this.#counter(operatorCounted.reconcileErrors);
  readonly #waits = this.#histogram(operatorCounted.queueWait);
  readonly #steps = this.#counter(operatorCounted.steps);

  constructor({ operator, stores }: OperatorMetricsSources) {
    for (const result of operatorCounted.reconciles.labels.result) this.#reconciles.inc({ result }, 0);
    for (const source of operatorCounted.reconcileErrors.labels.source) {
      this.#errors.inc({ source, reason: source === "operator" ? "internal" : "unavailable" }, 0);
    }
    for (const kind of operatorCounted.steps.labels.kind) {
      for (const result of operatorCounted.steps.labels.result) this.#steps.inc({ kind, result }, 0);
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

  stepTaken(kind: string, ok: boolean): void {
    this.#steps.inc({ kind, result: ok ? "taken" : "refused" });
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
        for (const { labels, value } of read()) {
          if (labels === undefined) this.set(value);
          else this.set(labels, value);
        }
      },
    });
  }

  #configuration({ name, help, labels = {} }: Definition) {
    return { name, help, labelNames: Object.keys(labels), registers: [this.#registry] };
  }
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
  return typeof read === "number" ? [{ value: read }] : read;
}

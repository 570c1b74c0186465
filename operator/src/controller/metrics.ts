import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { KubeError } from "../kube/kube-error.ts";
import { ReplicaCallError } from "../member/replica-error.ts";

/** What the operator says of itself to Prometheus. */
export class OperatorMetrics {
  readonly registry = new Registry();
  readonly #durations = new Histogram({
    name: "rstore_operator_reconcile_duration_seconds",
    help: "Time of one look at a store, with what was done about it.",
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers: [this.registry],
  });
  readonly #failures = new Counter({
    name: "rstore_operator_reconcile_failures_total",
    help: "Looks that ended with an error, by what refused: the API server, a replica, or the operator itself.",
    labelNames: ["source"],
    registers: [this.registry],
  });
  readonly #steps = new Counter({
    name: "rstore_operator_steps_total",
    help: "Steps of plans, by kind and by whether they were carried out.",
    labelNames: ["kind", "result"],
    registers: [this.registry],
  });
  readonly #leads = new Gauge({
    name: "rstore_operator_leader",
    help: "1 while this operator is the one that acts.",
    registers: [this.registry],
  });
  readonly #depth = new Gauge({
    name: "rstore_operator_queue_depth",
    help: "Stores that wait to be looked at.",
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    for (const source of ["kubernetes", "replica", "operator"]) this.#failures.inc({ source }, 0);
  }

  async timed<T>(look: () => Promise<T>): Promise<T> {
    const end = this.#durations.startTimer();
    try {
      return await look();
    } finally {
      end();
    }
  }

  failed(error: unknown): void {
    const source =
      error instanceof KubeError ? "kubernetes" : error instanceof ReplicaCallError ? "replica" : "operator";
    this.#failures.inc({ source });
  }

  stepTaken(kind: string, ok: boolean): void {
    this.#steps.inc({ kind, result: ok ? "taken" : "refused" });
  }

  text(state: { readonly leads: boolean; readonly queueDepth: number }): Promise<string> {
    this.#leads.set(state.leads ? 1 : 0);
    this.#depth.set(state.queueDepth);
    return this.registry.metrics();
  }
}

import { FreshCalls, missingToAgree } from "../cluster/convergence.ts";
import type { SimCluster } from "../cluster/types.ts";
import type { FaultInjector } from "../plan/fault-injector.ts";
import { missingToSettle } from "./operator-convergence.ts";
import { usFromOperatorSeconds } from "./operator-time.ts";
import type { SimulatedOperator } from "./simulated-operator.ts";

const LOOK_MS = 50;
/** A latch expires, processes back off, stalled snapshots are offered anew, and so on, one after the other. */
const BOUND_MS = 150_000;
const BOUND_ELECTIONS = 100;
/** For so long nothing is to change any more. */
const REST_MS = 2000;

export interface OperatorLivenessParts {
  readonly cluster: SimCluster;
  readonly operator: SimulatedOperator;
  readonly faults: FaultInjector;
}

/**
 * After the last fault and the last edit everything is healed: the operator must bring the store to what is asked
 * for, say so, and leave it alone; and the store must serve.
 */
export class OperatorLiveness {
  phase: "settling" | "serving" | "resting" | "converged" = "settling";
  readonly #parts: OperatorLivenessParts;
  readonly #boundMs: number;
  #fresh: FreshCalls | undefined;
  #restEndsUs = 0;
  #configurationIndex = 0n;

  constructor(parts: OperatorLivenessParts) {
    const { shape } = parts.cluster;
    this.#parts = parts;
    this.#boundMs =
      BOUND_MS +
      BOUND_ELECTIONS * shape.electionTimeoutMs +
      usFromOperatorSeconds(shape.operator?.replaceAfterSeconds ?? 0) / 1000;
  }

  begin(): void {
    const { faults, operator, cluster } = this.#parts;
    faults.endAll();
    operator.endFaults();
    this.#look();
    cluster.world.at(this.#boundMs * 1000, () => {
      if (this.isOver) return;
      const missing = this.#missing() ?? this.phase;
      const told = (operator.api.resource.status.conditions ?? [])
        .map(({ type, status, reason, message }) => `${type} ${status} ${reason}: ${message}`)
        .join("\n");
      cluster.world.fail(
        "operator-converges",
        `${this.#boundMs / 1000} s after the last fault: ${missing}\n${told}`,
      );
    });
  }

  get isOver(): boolean {
    return this.phase === "converged";
  }

  #look(): void {
    const { world } = this.#parts.cluster;
    if (this.isOver || world.violation !== undefined) return;
    if (this.#missing() === undefined) this.#next();
    if (!this.isOver) world.at(LOOK_MS * 1000, () => this.#look());
  }

  #missing(): string | undefined {
    const { cluster, operator } = this.#parts;
    const unsettled = missingToSettle(cluster, operator);
    if (this.phase === "serving") return this.#fresh!.missing;
    if (unsettled !== undefined) {
      if (this.phase === "resting") this.phase = "settling";
      return unsettled;
    }
    const voters = cluster.slots.slice(0, operator.api.resource.spec.replicas);
    const disagreement = missingToAgree(voters);
    if (disagreement !== undefined || this.phase === "settling") return disagreement;
    return cluster.world.nowUs >= this.#restEndsUs ? undefined : "it is left alone for a while";
  }

  #next(): void {
    const { cluster, operator } = this.#parts;
    const { world } = cluster;
    const index = operator.truth.known?.index ?? 0n;
    if (this.phase === "settling") {
      const voters = cluster.slots.slice(0, operator.api.resource.spec.replicas);
      this.#fresh = new FreshCalls(cluster, voters);
      this.#configurationIndex = index;
      this.phase = "serving";
    } else if (this.phase === "serving") {
      this.phase = "resting";
      this.#restEndsUs = world.nowUs + REST_MS * 1000;
    } else {
      if (index !== this.#configurationIndex) {
        world.fail("operator-rests", "members were changed again after everything was as asked for");
      }
      this.phase = "converged";
      world.coverage.count("operator.converged");
      world.coverage.count("liveness.converged");
    }
    world.say("liveness", () => this.phase);
  }
}

import { ChosenMajority, type MajorityParts } from "./chosen-majority.ts";
import { FreshCalls, missingToAgree } from "./convergence.ts";
import type { SimCluster } from "./types.ts";

/** Time for processes that were down to come up and say what they hold, before some are chosen. */
const SETTLE_MS = 1500;
const LOOK_MS = 50;
/** Stalled snapshots are offered anew after 20 s, dead members are asked in vain for 2 s each, and so on. */
const BOUND_MS = 90_000;
const BOUND_ELECTIONS = 60;

export type LivenessPhase = "settling" | "agreeing" | "serving" | "agreeing again" | "converged" | "lost";

/**
 * After the last fault: what is healed must come to one leader, one state, and serve. Ends in `converged`, in
 * `lost` when more is destroyed than the store promises to survive, or fails the world at the bound.
 */
export class Liveness {
  phase: LivenessPhase = "settling";
  readonly #cluster: SimCluster;
  readonly #majority: ChosenMajority;
  readonly #boundMs: number;
  #fresh: FreshCalls | undefined;

  constructor(parts: MajorityParts) {
    this.#cluster = parts.cluster;
    this.#majority = new ChosenMajority(parts);
    this.#boundMs = BOUND_MS + BOUND_ELECTIONS * parts.cluster.shape.electionTimeoutMs;
  }

  begin(): void {
    const { world } = this.#cluster;
    this.#majority.healAll();
    world.at(SETTLE_MS * 1000, () => {
      this.#majority.choose();
      this.phase = "agreeing";
      this.#look();
    });
    world.at(this.#boundMs * 1000, () => this.#bound());
  }

  get isOver(): boolean {
    return this.phase === "converged" || this.phase === "lost";
  }

  #look(): void {
    const { world } = this.#cluster;
    if (this.isOver || world.violation !== undefined) return;
    this.#majority.isEnough();
    if (this.#missing() === undefined) this.#next();
    if (!this.isOver) world.at(LOOK_MS * 1000, () => this.#look());
  }

  #missing(): string | undefined {
    switch (this.phase) {
      case "agreeing":
      case "agreeing again":
        return missingToAgree(this.#majority.witnesses, [...this.#majority.slots]);
      case "serving":
        return this.#fresh!.missing;
      case "settling":
      case "converged":
      case "lost":
        return undefined;
    }
  }

  #next(): void {
    const { world } = this.#cluster;
    if (this.phase === "agreeing") {
      this.#fresh = new FreshCalls(this.#cluster, this.#majority.witnesses);
      this.phase = "serving";
    } else if (this.phase === "serving") {
      this.phase = "agreeing again";
    } else {
      this.phase = "converged";
      world.coverage.count("liveness.converged");
    }
    world.say("liveness", () => this.phase);
  }

  #bound(): void {
    if (this.isOver) return;
    const chosen = [...this.#majority.slots].map(({ name }) => name).join(" ");
    const healed = `${this.#boundMs / 1000} s after everything was healed for ${chosen}`;
    if (this.#majority.isEnough()) this.#fail(`${healed}: ${this.#missing() ?? this.phase}`);
    else if (this.#majority.wouldBeEnough())
      this.#fail(`${healed}: members whose disks are in order do not run`);
    else this.phase = "lost";
  }

  #fail(message: string): void {
    this.#cluster.world.fail("converges", message);
  }
}

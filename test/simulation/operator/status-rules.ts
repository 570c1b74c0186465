import type { ConditionStatus, ReplicatedStoreStatus } from "@rstore/operator/api/v1alpha1/types";
import type { SimCluster } from "../cluster/types.ts";
import type { TurnState } from "./act.ts";
import { idFromText } from "./observe-members.ts";
import type { Truth } from "./truth.ts";

/**
 * Conditions that were not so when the operator looked (E14), leaving in doubt what changed shortly before; and
 * what an operator has brought about, as its own status tells.
 */
export class StatusRules {
  readonly #cluster: SimCluster;
  readonly #truth: Truth;
  readonly #doubtUs: number;
  /** Voters at the last status that was written, by slot. */
  #voters = new Map<number, string>();
  #settled = 0;

  constructor(cluster: SimCluster, truth: Truth, doubtUs: number) {
    this.#cluster = cluster;
    this.#truth = truth;
    this.#doubtUs = doubtUs;
  }

  writing(status: ReplicatedStoreStatus, { basis, input }: TurnState): void {
    const { world } = this.#cluster;
    const { leaderlessSinceUs } = this.#truth;
    const condition = (type: string): ConditionStatus | undefined =>
      status.conditions?.find((candidate) => candidate.type === type)?.status;
    const leaderlessUs = leaderlessSinceUs === undefined ? 0 : basis.atUs - leaderlessSinceUs;
    if (condition("Available") === "True" && leaderlessUs > this.#doubtUs) {
      world.fail("operator-status", `Available is True, and for ${leaderlessUs / 1e6} s nobody has led`);
    }
    const voters = (input.configuration?.members ?? []).filter(({ kind }) => kind === "voter");
    const dead = voters.filter(({ id }) => basis.dead.has(idFromText(id)));
    if (condition("Degraded") === "False" && dead.length > 0) {
      world.fail(
        "operator-status",
        `Degraded is False, and ${dead.map(({ name }) => name).join(", ")} is dead`,
      );
    }
    this.#count(status);
  }

  #count(status: ReplicatedStoreStatus): void {
    const { coverage } = this.#cluster.world;
    const { settledReplicas } = status;
    if (settledReplicas !== undefined && settledReplicas !== this.#settled) {
      if (this.#settled === 0) coverage.count("operator.bootstrapped");
      else coverage.count(settledReplicas > this.#settled ? "operator.scaled-out" : "operator.scaled-in");
      this.#settled = settledReplicas;
    }
    for (const { slot, id, role } of status.members ?? []) {
      if (slot === undefined || (role !== "Leader" && role !== "Follower")) continue;
      const before = this.#voters.get(slot);
      if (before !== undefined && before !== id) coverage.count("operator.replaced");
      this.#voters.set(slot, id);
    }
  }
}

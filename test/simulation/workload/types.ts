import type { Operation } from "../../history/operation.ts";
import type { SimCluster } from "../cluster/types.ts";

/** Clients and administrators, each doing one thing after another until told to end. */
export interface Workload {
  start(cluster: SimCluster): void;
  /** No new operations; what is under way ends by its deadline. */
  end(): void;
  readonly isIdle: boolean;
  readonly operations: readonly Operation[];
  /**
   * Everything that must hold of what the clients saw; fails the world where it does not. Looks at stores too:
   * at those that a majority agrees on at that moment, if there is one.
   */
  check(): void;
}

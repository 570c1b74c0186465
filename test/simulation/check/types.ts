import type { SimCluster } from "../cluster/types.ts";

/** Looks at the whole cluster with the eyes of nobody: every rule of Raft and of the store, over all disks. */
export interface SafetyChecks {
  /** The cheap rules, for the slot that the last event touched. */
  afterStep(cluster: SimCluster): void;
  /** Everything, over all members and disks. */
  full(cluster: SimCluster): void;
  /** A write of this revision was acknowledged to a client. */
  acknowledged(revision: bigint): void;
  /** Of the history that the store applied, in order: what every acknowledged write must be found in. */
  readonly committedRevision: bigint;
}

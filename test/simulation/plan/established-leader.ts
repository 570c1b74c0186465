import type { Status } from "@rstore/replica/raft/status";
import type { SimCluster, Slot } from "../cluster/types.ts";

export interface EstablishedLeader {
  readonly slot: Slot;
  readonly status: Status;
}

/**
 * The leader that has committed an entry of its term, when no disk knows a later term. Then a majority holds
 * that entry, so that nobody can win an election with a configuration that the leader's log does not hold.
 */
export function establishedLeader(cluster: SimCluster): EstablishedLeader | undefined {
  let found: EstablishedLeader | undefined;
  for (const slot of cluster.slots) {
    const { member } = slot;
    if (member?.isLeader !== true) continue;
    const status = member.node.status();
    if (found === undefined || status.term > found.status.term) found = { slot, status };
  }
  if (found === undefined || !found.status.committedInTerm) return undefined;
  const { term } = found.status;
  const isNewest = cluster.slots.every(({ disk }) => (disk.durableLog()?.term ?? 0n) <= term);
  return isNewest ? found : undefined;
}

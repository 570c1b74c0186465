import type { Member } from "@rstore/replica/runtime/member";
import type { SimCluster, Slot } from "../cluster/types.ts";
import type { FinalStore } from "./final-store.ts";

const encoder = new TextEncoder();

/**
 * The stores of members that have applied everything that a leader has committed, where a majority of the
 * voters follows that leader and it has committed in its own term: nothing acknowledged can be missing from
 * them. None when that can't be said of anybody.
 */
export function agreedStores(cluster: SimCluster): readonly FinalStore[] {
  for (const slot of cluster.leaders()) {
    const leader = slot.member;
    if (leader === undefined) continue;
    const { committedInTerm, joint, configuration, term, commit } = leader.node.status();
    const agreeing = cluster.slots.filter(
      ({ member }) =>
        member !== undefined &&
        member.leader === leader.id &&
        member.node.term === term &&
        member.machine.appliedIndex === commit,
    );
    const ids = agreeing.map(({ member }) => member!.id);
    const { voters } = configuration.configuration;
    const votes = voters.filter((id) => ids.includes(id)).length;
    if (joint || !committedInTerm || votes * 2 <= voters.length) continue;
    return agreeing.map((agreed) => storeOf(agreed, agreed.member!));
  }
  return [];
}

function storeOf({ index, name }: Slot, { machine }: Member): FinalStore {
  const { store } = machine;
  return {
    index,
    name,
    revision: store.revision,
    compactedRevision: store.compactedRevision,
    read(start, end, revision) {
      const step = store.rangeStep({
        start: encoder.encode(start),
        end: encoder.encode(end),
        revision,
        reverse: false,
        keysOnly: false,
        countOnly: false,
        maxKeys: Number.MAX_SAFE_INTEGER,
        maxBytes: Number.MAX_SAFE_INTEGER,
      });
      if ("reason" in step) throw new Error(`${name}: revision ${revision} is ${step.reason}`);
      if (step.next !== undefined) throw new Error(`${name}: the range is not read in one step`);
      return step.keyValues;
    },
  };
}

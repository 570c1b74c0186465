import type { MemberId } from "@rstore/replica/raft/types";
import type { TargetMember } from "@rstore/replica/runtime/replica-api";
import { Administrator } from "./administrator.ts";
import type { SimCluster, Slot } from "./types.ts";

const CALL_TIMEOUT_MS = 2000;
const PAUSE_MS = 100;

/**
 * Founds the cluster on the first slot and grows it to the shape's voters, as an administrator would: learners
 * first, then one joint change. Resolves when all of them vote and nothing is under way.
 */
export async function foundCluster(
  cluster: SimCluster,
  isLost: (member: MemberId) => boolean,
): Promise<void> {
  const administrator = new Administrator(cluster);
  const founders = cluster.slots.slice(0, cluster.shape.members);
  await bootstrap(administrator, cluster);
  await untilDone(administrator, () => grow(administrator, { cluster, founders, isLost }));
}

/** Tries until the attempt says that it is done; what was refused or lost is tried again. */
async function untilDone(administrator: Administrator, attempt: () => Promise<boolean>): Promise<void> {
  while (!(await attempt().catch(() => false))) await administrator.sleep(PAUSE_MS);
}

/** Of one member for ever: were its disk lost meanwhile, another must not found the cluster anew. */
async function bootstrap(administrator: Administrator, { slots, clusterId }: SimCluster): Promise<void> {
  const [first] = slots;
  let memberId: MemberId | undefined;
  await untilDone(administrator, async () => {
    memberId ??= await administrator.call(first!, CALL_TIMEOUT_MS, async (replica) => {
      return replica.identity().memberId;
    });
    const chosen = memberId;
    await administrator.call(first!, CALL_TIMEOUT_MS, (replica) => replica.bootstrap(clusterId, chosen));
    return true;
  });
}

interface Growth {
  readonly cluster: SimCluster;
  readonly founders: readonly Slot[];
  readonly isLost: (member: MemberId) => boolean;
}

/** One step towards all founders voting; true when they do, or when others are at work on who is a member. */
async function grow(administrator: Administrator, { cluster, founders, isLost }: Growth): Promise<boolean> {
  const ids = new Map<bigint, Slot>();
  for (const slot of founders) {
    const { memberId } = await administrator.call(slot, CALL_TIMEOUT_MS, async (replica) =>
      replica.identity(),
    );
    ids.set(memberId, slot);
  }
  if ([...ids.keys()].some(isLost)) return true;
  const [leader] = cluster.leaders();
  if (leader === undefined) return false;
  const listing = await administrator.call(leader, CALL_TIMEOUT_MS, (replica, options) =>
    replica.listMembers({ ...options, consistency: "linearizable", minRevision: 0n }),
  );
  const kinds = new Map(listing.members.map(({ id, kind }) => [id, kind]));
  const missing = [...ids.keys()].filter((id) => !kinds.has(id));
  const waiting = [...ids.keys()].filter((id) => kinds.get(id) !== "voter");
  if (listing.members.some(({ id }) => !ids.has(id))) return true;
  if (waiting.length === 0) return listing.committed && !listing.joint;
  const target = [...ids].map(
    ([id, { name, peerUrl, clientUrl }]): TargetMember => ({
      id,
      name,
      peerUrl,
      clientUrl,
      kind: missing.length > 0 && kinds.get(id) !== "voter" ? "learner" : "voter",
    }),
  );
  await administrator.call(leader, CALL_TIMEOUT_MS, (replica, options) =>
    replica.changeMembership(listing.configurationIndex, target, options),
  );
  return false;
}

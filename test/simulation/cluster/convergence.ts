import type { WriteOperation } from "@rstore/replica/apply/operation";
import { isMember } from "@rstore/replica/raft/confchange/configuration";
import { Administrator } from "./administrator.ts";
import type { SimCluster, Slot } from "./types.ts";

const CALL_TIMEOUT_MS = 3000;
const RETRY_MS = 200;
const encoder = new TextEncoder();

/**
 * What is missing until these slots agree on everything; undefined: nothing. The leader may be another one of
 * `candidates`: a member whose log rotted without its notice leads on.
 */
export function missingToAgree(slots: readonly Slot[], candidates = slots): string | undefined {
  const leaders = candidates.filter(({ member }) => member?.isLeader === true);
  if (leaders.length !== 1) {
    return leaders.length === 0 ? "no leader" : `${leaders.map(({ name }) => name).join(" and ")} both lead`;
  }
  const leader = leaders[0]!.member!;
  const { joint, configurationCommitted, configuration, commit } = leader.node.status();
  if (joint) return "the configuration is joint";
  if (!configurationCommitted) return "the configuration in force is not committed";
  for (const { name, member, replica } of slots) {
    const memberId = member?.id ?? replica?.identity().memberId;
    if (memberId === undefined || !isMember(configuration.configuration, memberId)) continue;
    if (member === undefined) return `${name} is not at work`;
    if (member.leader !== leader.id) return `${name} does not know the leader`;
    const { appliedIndex, store } = member.machine;
    if (appliedIndex !== commit) return `${name} has applied ${appliedIndex} of ${commit}`;
    if (store.rollingHash !== leader.machine.store.rollingHash) {
      return `${name} has applied the same entries to another state`;
    }
  }
  return undefined;
}

/** A fresh write and a linearizable read of it succeed at every member that is at work. */
export class FreshCalls {
  readonly #cluster: SimCluster;
  readonly #administrator: Administrator;
  readonly #waiting = new Map<Slot, string>();

  constructor(cluster: SimCluster, slots: readonly Slot[]) {
    this.#cluster = cluster;
    this.#administrator = new Administrator(cluster);
    const leader = cluster.leaders()[0]?.member;
    for (const slot of slots) {
      const { member } = slot;
      if (member === undefined || leader === undefined) continue;
      if (!isMember(leader.node.configuration.configuration, member.id)) continue;
      this.#waiting.set(slot, "was not asked yet");
      void this.#ask(slot);
    }
  }

  /** Which member has not answered, and why; undefined: all have. */
  get missing(): string | undefined {
    const [first] = this.#waiting;
    return first === undefined ? undefined : `a write and a read at ${first[0].name}: ${first[1]}`;
  }

  async #ask(slot: Slot): Promise<void> {
    const key = encoder.encode(`fresh/${slot.name}`);
    while (this.#cluster.world.violation === undefined) {
      try {
        await this.#administrator.call(slot, CALL_TIMEOUT_MS, async (replica, options) => {
          const [written] = await replica.write([freshPut(key)], { ...options, forward: true });
          if (written?.type !== "put") throw new Error(`the write ended as ${written?.type}`);
          await replica.awaitReadable({ ...options, consistency: "linearizable", minRevision: 0n });
          const seen = replica.get(key, undefined);
          if (seen === undefined || seen.modRevision < written.revision) {
            this.#cluster.world.fail(
              "linearizable",
              `${slot.name} acknowledged revision ${written.revision} and read ${seen?.modRevision ?? "nothing"} after it`,
            );
          }
        });
        this.#waiting.delete(slot);
        return;
      } catch (error) {
        this.#waiting.set(slot, error instanceof Error ? error.message : String(error));
        await this.#administrator.sleep(RETRY_MS);
      }
    }
  }
}

function freshPut(key: Uint8Array): WriteOperation {
  const value = encoder.encode("fresh");
  return { type: "put", key, value, lease: 0n, previous: false, expectedModRevision: undefined };
}

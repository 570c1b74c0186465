import type { Configuration, MemberId } from "@rstore/replica/raft/types";
import type { SimCluster, Slot } from "../cluster/types.ts";
import { establishedLeader } from "../plan/established-leader.ts";
import { halvesOf } from "../plan/loss-ledger.ts";

const LOOK_US = 50_000;
/** Who lacks more entries than this has not caught up; more than an operator asks for. */
const LAG_MAX = 1000n;

export interface KnownConfiguration {
  readonly index: bigint;
  readonly configuration: Configuration;
  readonly committed: Configuration;
  readonly isSettled: boolean;
  readonly leader: MemberId;
}

/** How the members truly are, as somebody sees who looks at all of them at once. */
export class Truth {
  /** The last that an established leader had in force. */
  known: KnownConfiguration | undefined;
  /** Since when no leader is established; undefined: one is. */
  leaderlessSinceUs: number | undefined = 0;
  readonly everVoters = new Set<MemberId>();
  readonly #cluster: SimCluster;
  readonly #lastAliveUs = new Map<MemberId, number>();
  readonly #aliveSinceUs = new Map<MemberId, number>();
  readonly #clusterIds = new Set<bigint>();

  constructor(cluster: SimCluster) {
    this.#cluster = cluster;
  }

  start(): void {
    this.look();
    this.#cluster.world.at(LOOK_US, () => this.start());
  }

  look(): void {
    const { world } = this.#cluster;
    this.#lookAtDisks();
    const leader = establishedLeader(this.#cluster);
    if (leader === undefined) {
      this.leaderlessSinceUs ??= world.nowUs;
      this.#aliveSinceUs.clear();
      return;
    }
    this.leaderlessSinceUs = undefined;
    const { status } = leader;
    const { configuration, index } = status.configuration;
    const committed = status.committedConfiguration.configuration;
    const isSettled = status.configurationCommitted && !status.joint;
    this.known = { index, configuration, committed, isSettled, leader: status.id };
    for (const id of halvesOf(configuration).flat()) this.everVoters.add(id);
    for (const { id, match, recentActive } of status.members) {
      const isAlive =
        id === status.id || (recentActive && match + LAG_MAX >= status.commit && this.#runs(id));
      if (isAlive) {
        this.#lastAliveUs.set(id, world.nowUs);
        if (!this.#aliveSinceUs.has(id)) this.#aliveSinceUs.set(id, world.nowUs);
      } else this.#aliveSinceUs.delete(id);
    }
  }

  /** Nobody has heard of it for so long, as of now. */
  isDead(id: MemberId, forUs: number): boolean {
    const { nowUs } = this.#cluster.world;
    return nowUs - (this.#lastAliveUs.get(id) ?? Number.NEGATIVE_INFINITY) >= forUs;
  }

  /** It has been alive without a break for so long, as of now. */
  isSteady(id: MemberId, forUs: number): boolean {
    const since = this.#aliveSinceUs.get(id);
    return since !== undefined && this.#cluster.world.nowUs - since >= forUs;
  }

  /** Where its disk is. */
  slotOf(id: MemberId): Slot | undefined {
    return this.#cluster.slots.find(({ disk }) => disk.durableLog()?.memberId === id);
  }

  #runs(id: MemberId): boolean {
    return this.#cluster.slots.some(({ member, life }) => member?.id === id && life?.isPaused === false);
  }

  #lookAtDisks(): void {
    for (const { disk } of this.#cluster.slots) {
      const clusterId = disk.durableLog()?.clusterId;
      if (clusterId !== undefined) this.#clusterIds.add(clusterId);
    }
    if (this.#clusterIds.size < 2) return;
    const ids = [...this.#clusterIds].map((id) => id.toString(16)).join(" and ");
    this.#cluster.world.fail("one-cluster", `disks of clusters ${ids}: a second one was founded`);
  }
}

import type { MemberId } from "../../api/v1alpha1/types.ts";
import type { ChangeMembership } from "../step.ts";

/** What a disk says. The log is one number: how much of what was acknowledged it holds. */
export interface Disk {
  memberId: MemberId;
  clusterId: string | undefined;
  removedIndex: bigint | undefined;
  joinedIndex: bigint;
  log: number;
  incarnation: bigint;
  /** An old copy: the others refuse it. */
  stale: boolean;
  damaged: boolean;
  everVoter: boolean;
  /** The node that its volume is bound to. */
  node: string | undefined;
  gone: boolean;
}

/** Counted here once more: the model must not share the guard that it watches. */
export function isMajority(voters: readonly MemberId[], live: ReadonlySet<MemberId>): boolean {
  return voters.filter((id) => live.has(id)).length * 2 > voters.length;
}

/** The true configuration and what is acknowledged, as a majority knows them. */
export class ModelRaft {
  readonly clusterId: string;
  index = 1n;
  voters: MemberId[];
  outgoing: MemberId[] = [];
  learners: MemberId[] = [];
  leader: MemberId | undefined;
  acknowledged = 1;
  readonly removed = new Map<MemberId, bigint>();

  constructor(clusterId: string, founder: MemberId) {
    this.clusterId = clusterId;
    this.voters = [founder];
  }

  get isJoint(): boolean {
    return this.outgoing.length > 0;
  }

  get members(): MemberId[] {
    return [...new Set([...this.voters, ...this.outgoing, ...this.learners])];
  }

  halves(): MemberId[][] {
    return this.isJoint ? [this.voters, this.outgoing] : [this.voters];
  }

  isDecided(live: ReadonlySet<MemberId>): boolean {
    return this.halves().every((half) => isMajority(half, live));
  }

  /** One turn: the alive elect, acknowledge and catch up; a joint configuration is left. */
  tick(alive: ReadonlyMap<MemberId, Disk>, slow: ReadonlySet<MemberId>): void {
    const live = new Set(alive.keys());
    if (!this.isDecided(live)) {
      this.leader = undefined;
      return;
    }
    const full = [...this.voters, ...this.outgoing].filter((id) => alive.get(id)?.log === this.acknowledged);
    if (full.length === 0) throw new Error("a majority is alive, and nobody has what was acknowledged");
    if (this.leader === undefined || !full.includes(this.leader)) this.leader = full[0];
    const keepUp = new Set([...live].filter((id) => !slow.has(id)));
    if (this.isDecided(keepUp)) this.acknowledged++;
    for (const id of this.members) {
      const disk = alive.get(id);
      if (disk === undefined) continue;
      this.#joinAt(disk);
      if (keepUp.has(id) || id === this.leader) disk.log = this.acknowledged;
    }
    if (this.isJoint && this.isDecided(keepUp)) this.#leaveJoint();
  }

  #joinAt(disk: Disk): void {
    if (disk.clusterId === undefined) disk.joinedIndex = this.index;
    disk.clusterId = this.clusterId;
    if (this.voters.includes(disk.memberId)) disk.everVoter = true;
  }

  #leaveJoint(): void {
    this.index++;
    for (const id of this.outgoing) if (!this.voters.includes(id)) this.removed.set(id, this.index);
    this.outgoing = [];
    if (this.leader !== undefined && !this.voters.includes(this.leader)) this.leader = undefined;
  }

  /** Refuses what the core refuses. */
  change(step: ChangeMembership, alive: ReadonlyMap<MemberId, Disk>): string | undefined {
    const live = new Set(alive.keys());
    const names = (kind: string) => step.target.flatMap((m) => (m.kind === kind ? [m.id] : []));
    const voters = names("voter");
    const learners = names("learner");
    if (this.leader === undefined || !this.isDecided(live)) return "no leader";
    if (this.index !== step.expectedIndex || this.isJoint) return "index mismatch";
    if ([...voters, ...learners].some((id) => this.removed.has(id))) return "removed";
    for (const id of voters) {
      if (this.voters.includes(id)) continue;
      const isReady = this.learners.includes(id) && (alive.get(id)?.log ?? 0) >= this.acknowledged - 1;
      if (!isReady) return "learner not ready";
    }
    const isSame = voters.length === this.voters.length && voters.every((id) => this.voters.includes(id));
    if (!isSame && !isMajority(voters, live)) return "no live quorum";
    this.index++;
    for (const id of this.learners) {
      if (!learners.includes(id) && !voters.includes(id)) this.removed.set(id, this.index);
    }
    if (!isSame) this.outgoing = this.voters;
    this.voters = voters;
    this.learners = learners;
    return undefined;
  }
}

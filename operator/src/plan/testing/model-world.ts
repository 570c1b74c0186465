import type { MemberId, ReplicatedStoreStatus } from "../../api/v1alpha1/types.ts";
import type { Budget, NodeState, PlanSpec, WaitingReason } from "../observation.ts";
import type { Disk, ModelRaft } from "./model-raft.ts";

export const TICK_SECONDS = 5;
export const NODES = 12;

export interface Pod {
  readonly uid: string;
  readonly slot: number;
  readonly hash: string;
  node: string | undefined;
  /** Ticks until it runs. */
  starting: number;
  deleting: boolean;
  waiting: WaitingReason | undefined;
  /** Marked as a voter for the budget. */
  voter: boolean;
}

export interface VolumeClaim {
  readonly uid: string;
  deleting: boolean;
  disk: Disk;
}

export type Random = () => number;

/** Nodes, pods, volumes and members as they truly are. What the operator sees of it may be old. */
export class ModelWorld {
  readonly random: Random;
  readonly isLocal: boolean;
  tick = 0;
  spec: PlanSpec;
  generation = 1;
  wantedHash = "good-0";
  status: ReplicatedStoreStatus = {};
  statusVersion = 0;
  kept = 0;
  keptVersion = 0;
  template: string | undefined;
  minAvailable: number | undefined;
  readonly nodes = new Map<string, NodeState>();
  readonly pods = new Map<number, Pod>();
  readonly claims = new Map<number, VolumeClaim>();
  readonly clusters: ModelRaft[] = [];
  readonly slow = new Set<MemberId>();
  /** When something last happened that the operator did not do. */
  faultTick = 0;
  #ids = 0;

  constructor(random: Random, isLocal: boolean, spec: PlanSpec) {
    this.random = random;
    this.isLocal = isLocal;
    this.spec = spec;
    for (let i = 0; i < NODES; i++) this.nodes.set(`node-${i}`, { state: "ok" });
  }

  get now(): number {
    return this.tick * TICK_SECONDS * 1_000;
  }

  get raft(): ModelRaft | undefined {
    return this.clusters[0];
  }

  newId(prefix: string): string {
    return `${prefix}${(this.#ids++).toString().padStart(4, "0")}`;
  }

  /** The disk that the pod in the slot has open, if the pod runs. */
  runningDisk(slot: number): Disk | undefined {
    const pod = this.pods.get(slot);
    const disk = this.claims.get(slot)?.disk;
    if (pod === undefined || disk === undefined || pod.starting > 0 || pod.waiting !== undefined)
      return undefined;
    return disk.gone || disk.damaged ? undefined : disk;
  }

  isReachable(slot: number): boolean {
    const node = this.pods.get(slot)?.node;
    return node !== undefined && this.nodes.get(node)?.state === "ok";
  }

  get budget(): Budget | undefined {
    const { minAvailable } = this;
    if (minAvailable === undefined) return undefined;
    const voters = [...this.pods.values()].filter((pod) => pod.voter).map(({ slot }) => slot);
    return { minAvailable, voters: voters.sort((a, b) => a - b) };
  }

  /** Members that take part, by id. */
  alive(): Map<MemberId, Disk> {
    const alive = new Map<MemberId, Disk>();
    for (const slot of this.pods.keys()) {
      const disk = this.runningDisk(slot);
      if (disk === undefined || disk.stale || !this.isReachable(slot)) continue;
      if (this.#isMute(slot)) continue;
      if (disk.removedIndex === undefined) alive.set(disk.memberId, disk);
    }
    return alive;
  }

  /** With its template it runs and answers, and elects nobody. */
  #isMute(slot: number): boolean {
    return this.pods.get(slot)?.hash.startsWith("mute") === true;
  }

  hasQuorum(): boolean {
    return this.raft?.isDecided(new Set(this.alive().keys())) === true;
  }

  isReady(slot: number): boolean {
    const disk = this.runningDisk(slot);
    if (disk === undefined || !this.isReachable(slot) || disk.stale) return false;
    if (this.#isMute(slot) || this.pods.get(slot)?.hash.startsWith("unready")) return false;
    const { raft } = this;
    return raft?.members.includes(disk.memberId) === true && this.hasQuorum() && disk.clusterId !== undefined;
  }

  /** Everything but the operator goes on for one tick. */
  advance(): void {
    this.tick++;
    this.#statefulSet();
    for (const pod of this.pods.values()) this.#kubelet(pod);
    const { raft } = this;
    if (raft === undefined) return;
    raft.tick(this.alive(), this.slow);
    for (const slot of this.pods.keys()) {
      const disk = this.runningDisk(slot);
      if (disk === undefined || !this.isReachable(slot) || !this.hasQuorum()) continue;
      const removedIndex = raft.removed.get(disk.memberId);
      if (removedIndex !== undefined && this.random() < 0.7) disk.removedIndex = removedIndex;
    }
  }

  #statefulSet(): void {
    for (const [slot, pod] of this.pods) {
      if (slot >= this.kept) pod.deleting = true;
      const state = pod.node === undefined ? "ok" : this.nodes.get(pod.node)!.state;
      if (pod.deleting && state !== "unreachable" && state !== "out-of-service") this.pods.delete(slot);
    }
    for (const [slot, claim] of this.claims) {
      // Only a pod that was given to a node uses its volume.
      if (claim.deleting && this.pods.get(slot)?.node === undefined) this.claims.delete(slot);
    }
    for (let slot = 0; slot < this.kept; slot++) {
      if (this.pods.has(slot) || this.template === undefined || this.claims.get(slot)?.deleting) continue;
      if (!this.claims.has(slot)) {
        this.claims.set(slot, { uid: this.newId("claim-"), deleting: false, disk: this.blankDisk() });
      }
      const pod: Pod = {
        uid: this.newId("pod-"),
        slot,
        hash: this.template,
        node: undefined,
        starting: 1,
        deleting: false,
        waiting: "Unschedulable",
        voter: false,
      };
      this.pods.set(slot, pod);
    }
  }

  blankDisk(): Disk {
    return {
      memberId: this.newId("m"),
      clusterId: undefined,
      removedIndex: undefined,
      joinedIndex: 0n,
      log: 0,
      incarnation: 0n,
      stale: false,
      damaged: false,
      everVoter: false,
      node: undefined,
      gone: false,
    };
  }

  #kubelet(pod: Pod): void {
    const claim = this.claims.get(pod.slot);
    if (pod.node === undefined) this.#schedule(pod, claim);
    if (pod.node === undefined || this.nodes.get(pod.node)?.state !== "ok" || claim === undefined) return;
    if (claim.disk.gone) pod.waiting = "Unschedulable";
    else if (pod.hash.startsWith("bad") || claim.disk.damaged) pod.waiting = "CrashLoop";
    else {
      pod.waiting = undefined;
      if (pod.starting > 0 && --pod.starting === 0) claim.disk.incarnation++;
    }
  }

  #schedule(pod: Pod, claim: VolumeClaim | undefined): void {
    if (claim === undefined || claim.disk.gone) return;
    const bound = claim.disk.node;
    const isFree = (node: string): boolean => ![...this.pods.values()].some((other) => other.node === node);
    const ok = [...this.nodes].filter(([, { state }]) => state === "ok").map(([node]) => node);
    const candidates = bound === undefined ? ok : ok.filter((node) => node === bound);
    pod.node = candidates.find(isFree) ?? candidates[0];
    if (pod.node === undefined) return;
    pod.waiting = undefined;
    if (this.isLocal) claim.disk.node = pod.node;
  }
}

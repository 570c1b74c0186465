import type { Change, MemberId } from "../../api/v1alpha1/types.ts";
import type { PlanInput } from "../observation.ts";
import type { DeleteClaim, RestartSlot, Step } from "../step.ts";
import { isMajority, ModelRaft } from "./model-raft.ts";
import type { ModelWorld } from "./model-world.ts";

/** A step, and what it was planned on. */
export interface Effect {
  readonly step: Step;
  readonly input: PlanInput;
  readonly seen: { readonly tick: number; readonly keptVersion: number; readonly version: number };
}

/**
 * Carries steps out as a platform does: by UID, by index, by resourceVersion, evictions by the budget. Throws
 * when a step broke one of the promises of design.md.
 */
export class ModelActions {
  readonly #world: ModelWorld;
  /** Of the members' names in the configuration. */
  readonly namedSlots = new Map<MemberId, number>();

  constructor(world: ModelWorld) {
    this.#world = world;
  }

  carryOut(effect: Effect): "done" | "status" | "refused" {
    const world = this.#world;
    const hadQuorum = world.hasQuorum();
    const result = this.#apply(effect);
    const voters = world.raft?.voters.length ?? 0;
    const isUnavoidable = voters <= 2 && effect.step.kind === "restartSlot";
    if (hadQuorum && !world.hasQuorum() && !isUnavoidable)
      throw new Error("the operator took the quorum away");
    return result;
  }

  #apply({ step, input, seen }: Effect): "done" | "status" | "refused" {
    const world = this.#world;
    switch (step.kind) {
      case "startSlot":
        if (step.slot < world.kept) return "done";
        world.kept = step.slot + 1;
        world.keptVersion++;
        return "done";
      case "stopSlots":
        if (seen.keptVersion !== world.keptVersion) return "refused";
        return this.#stop(step.from);
      case "restartSlot":
        return this.#restart(step);
      case "deleteClaim":
        return this.#deleteClaim(step, seen.tick);
      case "bootstrap":
        return this.#bootstrap(step, input);
      case "changeMembership":
        return this.#change(step);
      case "transferLeadership":
        if (world.raft === undefined || !world.alive().has(step.to)) return "refused";
        if (!world.raft.voters.includes(step.to)) return "refused";
        if (world.alive().get(step.to)!.log === world.raft.acknowledged) world.raft.leader = step.to;
        return "done";
      case "resetMember":
        return this.#reset(step, input);
      case "setBudget":
        if (world.minAvailable !== input.budget?.minAvailable) return "refused";
        world.minAvailable = step.minAvailable;
        for (const pod of world.pods.values()) pod.voter = step.voters.includes(pod.slot);
        return "done";
      case "setTemplate":
        if (world.spec.paused && input.spec.paused) throw new Error("a new template while paused");
        world.template = step.hash;
        return "done";
      case "event":
      case "finishDeletion":
        return "done";
      default:
        return this.#writeStatus(step, seen.version);
    }
  }

  #writeStatus(step: Step, version: number): "status" | "refused" {
    const world = this.#world;
    if (version !== world.statusVersion) return "refused";
    const status = { ...world.status };
    if (step.kind === "latch") {
      const before = status.change;
      if (before !== undefined && !isSameChange(before, step.change)) throw new Error("two latches");
      status.change = step.change;
    } else if (step.kind === "clearLatch") delete (status as { change?: unknown }).change;
    else if (step.kind === "recordBootstrap") status.bootstrap = step.bootstrap;
    else if (step.kind === "recordClusterId") status.clusterId = step.clusterId;
    else if (step.kind === "recordScaleOut") {
      if (step.scaleOut === undefined) delete (status as { scaleOut?: unknown }).scaleOut;
      else status.scaleOut = step.scaleOut;
    }
    world.status = status;
    world.statusVersion++;
    return "status";
  }

  #stop(from: number): "done" {
    const world = this.#world;
    const members = world.raft?.members ?? [];
    for (const [slot, { disk }] of world.claims) {
      if (slot >= from && slot < world.kept && members.includes(disk.memberId) && world.pods.has(slot)) {
        throw new Error(`the process of a member in slot ${slot} is taken away`);
      }
    }
    world.kept = Math.min(world.kept, from);
    world.keptVersion++;
    for (const [slot, pod] of world.pods) if (slot >= from) pod.deleting = true;
    return "done";
  }

  #restart({ slot, replicaUid, how }: RestartSlot): "done" | "refused" {
    const world = this.#world;
    const pod = world.pods.get(slot);
    if (pod?.uid !== replicaUid) return "done";
    if (how === "evict" && !mayEvict(world, slot)) return "refused";
    if (how === "force") {
      const state = world.nodes.get(pod.node ?? "")?.state ?? "ok";
      const isReplaced = world.claims.get(slot)?.deleting !== false;
      if (state === "ok" && world.faultTick < world.tick - 20)
        throw new Error("forced on a node that is well");
      if (state === "unreachable" && !isReplaced) throw new Error("forced on a node that may come back");
      world.pods.delete(slot);
    } else {
      pod.deleting = true;
      const isNodeOk = pod.node === undefined || world.isReachable(slot);
      if (isNodeOk) world.pods.delete(slot);
    }
    return "done";
  }

  #bootstrap(step: Extract<Step, { kind: "bootstrap" }>, input: PlanInput): "done" | "refused" {
    const world = this.#world;
    const uid = input.slots.find(({ index }) => index === step.slot)?.replica?.uid;
    const disk = world.runningDisk(step.slot);
    if (world.pods.get(step.slot)?.uid !== uid || disk?.memberId !== step.memberId) return "refused";
    if (disk.clusterId !== undefined) return disk.clusterId === step.clusterId ? "done" : "refused";
    if (world.clusters.length > 0) throw new Error("a second cluster");
    disk.clusterId = step.clusterId;
    disk.log = 1;
    disk.everVoter = true;
    this.namedSlots.set(disk.memberId, step.slot);
    world.clusters.push(new ModelRaft(step.clusterId, disk.memberId));
    return "done";
  }

  #change(step: Extract<Step, { kind: "changeMembership" }>): "done" | "refused" {
    const world = this.#world;
    if (world.raft?.change(step, world.alive()) !== undefined) return "refused";
    for (const { id, slot } of step.target) {
      if (slot !== undefined && !this.namedSlots.has(id)) this.namedSlots.set(id, slot);
    }
    return "done";
  }

  #reset(step: Extract<Step, { kind: "resetMember" }>, input: PlanInput): "done" | "refused" {
    const world = this.#world;
    const uid = input.slots.find(({ index }) => index === step.slot)?.replica?.uid;
    const disk = world.runningDisk(step.slot);
    if (world.pods.get(step.slot)?.uid !== uid || disk?.memberId !== step.memberId) return "refused";
    if (disk.removedIndex === undefined && step.removedIndex < disk.joinedIndex) return "refused";
    if (world.raft?.members.includes(step.memberId)) throw new Error("a member is reset");
    Object.assign(disk, { ...world.blankDisk(), node: disk.node });
    return "done";
  }

  /** The platform asks the replicas once more before a claim is deleted: a call that comes late does not. */
  #deleteClaim({ slot, uid }: DeleteClaim, seenTick: number): "done" | "refused" {
    const world = this.#world;
    const claim = world.claims.get(slot);
    if (claim?.uid !== uid || claim.deleting) return "done";
    const isDisturbed = world.faultTick >= seenTick;
    if (!isDisturbed) assertMayDelete(world, slot);
    claim.deleting = true;
    return "done";
  }
}

/** Tried again, it is the one that was begun. */
function isSameChange(before: Change, { triedTime: _, ...after }: Change): boolean {
  const { triedTime: __, ...began } = before;
  return JSON.stringify(began) === JSON.stringify(after);
}

/** What the Eviction API answers, with unhealthyPodEvictionPolicy AlwaysAllow. */
export function mayEvict(world: ModelWorld, slot: number): boolean {
  const { budget } = world;
  if (budget === undefined || !budget.voters.includes(slot) || !world.isReady(slot)) return true;
  const healthy = budget.voters.filter((voter) => world.isReady(voter) && !world.pods.get(voter)?.deleting);
  return healthy.length - 1 >= budget.minAvailable;
}

/** The two cases of design.md, and the claims that were made for newcomers that never had a vote. */
function assertMayDelete(world: ModelWorld, slot: number): void {
  const { raft, spec } = world;
  const { disk } = world.claims.get(slot)!;
  if (raft === undefined) throw new Error("a claim is deleted and there is no cluster");
  if (!raft.members.includes(disk.memberId)) {
    if (raft.isJoint) throw new Error("a claim is deleted in a joint configuration");
    const isAsked = spec.whenScaled === "Delete" || !disk.everVoter || disk.damaged || disk.gone;
    const node = world.nodes.get(disk.node ?? "");
    const isLost = node !== undefined && node.state !== "ok";
    if (!isAsked && !isLost) throw new Error("a claim is deleted that policy keeps");
    return;
  }
  const alive = world.alive();
  if (alive.has(disk.memberId)) throw new Error("the claim of a living member is deleted");
  const node = world.nodes.get(disk.node ?? "");
  const isUnattachable = disk.gone || (node !== undefined && node.state !== "ok");
  if (!isUnattachable) throw new Error("the claim of a member is deleted that may come back");
  if (spec.replacementMode === "Manual") throw new Error("replacement is Manual");
  const full = new Set(
    [...alive.values()].filter((d) => d.log >= raft.acknowledged - 1).map((d) => d.memberId),
  );
  if (!raft.halves().every((half) => isMajority(half, full))) {
    throw new Error("a claim is deleted without a majority that has caught up");
  }
}

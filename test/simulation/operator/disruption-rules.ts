import type { PlanInput } from "@rstore/operator/plan/observation";
import type { Step } from "@rstore/operator/plan/step";
import type { Configuration, MemberId } from "@rstore/replica/raft/types";
import type { SimCluster } from "../cluster/types.ts";
import { halvesOf, type LossLedger, minorityOf } from "../plan/loss-ledger.ts";
import { operatorNowMs } from "./operator-time.ts";
import { damageOf, isReady, type Place } from "./place.ts";
import type { SimPlatform } from "./sim-platform.ts";
import type { Truth } from "./truth.ts";
import { CallFailed } from "./types.ts";

/** Old lists, and then some. */
const DOUBT_MS = 3000;
const DOUBT_ELECTIONS = 6;
/** Of an operator's clock, whose deadline is counted in whole looks. */
const DEADLINE_TOLERANCE_MS = 1500;

/** What was true when an operator looked, for judging what it then does. */
export interface Basis {
  readonly atUs: number;
  readonly input: Pick<PlanInput, "spec" | "slots">;
  /** Voters that nobody had heard of for so long that it must have known. */
  readonly dead: ReadonlySet<MemberId>;
  /** Voters that the leader heard of all the time that the operator looked around. */
  readonly alive: ReadonlySet<MemberId>;
  /** Members that were lost by then. */
  readonly lost: ReadonlySet<MemberId>;
}

export interface RuleParts {
  readonly cluster: SimCluster;
  readonly platform: SimPlatform;
  readonly truth: Truth;
  readonly losses: LossLedger;
}

/**
 * What an operator must never do, judged with the eyes of somebody who sees everything, and leaving out what
 * happened after it looked.
 */
export class DisruptionRules {
  readonly #parts: RuleParts;
  readonly #doubtUs: number;
  /** Voters that an operator took down, until they are back. */
  readonly #takenDown = new Map<MemberId, Place>();
  #founded: { readonly clusterId: bigint; readonly memberId: MemberId } | undefined;

  constructor(parts: RuleParts) {
    this.#parts = parts;
    this.#doubtUs = (DOUBT_MS + DOUBT_ELECTIONS * parts.cluster.shape.electionTimeoutMs) * 1000;
  }

  get doubtUs(): number {
    return this.#doubtUs;
  }

  /** `sinceUs`: when it began to look; what it then found may be of any time since. */
  basis(input: Basis["input"], sinceUs: number): Basis {
    const { truth, losses, cluster } = this.#parts;
    this.#forgetReturned();
    const tookUs = cluster.world.nowUs - sinceUs;
    const voters = halvesOf(this.#configuration()).flat();
    return {
      atUs: cluster.world.nowUs,
      input,
      dead: new Set(voters.filter((id) => truth.isDead(id, this.#doubtUs))),
      alive: new Set(voters.filter((id) => truth.isSteady(id, tookUs))),
      lost: new Set(losses.lost),
    };
  }

  /** At most one disruptive step, and none without its latch. */
  planned({ slots, status }: PlanInput, steps: readonly Step[]): void {
    const kinds: readonly Step["kind"][] = [
      "changeMembership",
      "transferLeadership",
      "deleteClaim",
      "stopSlots",
    ];
    const ready = new Set(slots.filter(({ replica }) => replica?.ready).map(({ replica }) => replica!.uid));
    const acts = steps.filter(
      (step) => kinds.includes(step.kind) || (step.kind === "restartSlot" && ready.has(step.replicaUid)),
    );
    if (acts.length > 1) {
      this.#fail("one-disruption", `${acts.map(({ kind }) => kind).join(" and ")} were planned together`);
    }
    const { change } = status;
    // Tried again, it is the one that was begun.
    const isAnother = (step: Step): boolean =>
      step.kind === "latch" &&
      (step.change.startedTime !== change?.startedTime || step.change.uid !== change.uid);
    if (change !== undefined && steps.some(isAnother)) {
      this.#fail("latch", `${acts[0]?.kind} is latched while ${change.kind} is`);
    }
    const isLatched = status.change !== undefined || steps.some(({ kind }) => kind === "latch");
    const unlatched = acts.find((step) => !isLatched && this.#needsLatch(step));
    if (unlatched !== undefined) this.#fail("latch", `${unlatched.kind} was planned without a latch`);
  }

  #needsLatch(step: Step): boolean {
    if (step.kind === "transferLeadership") return false;
    if (step.kind !== "changeMembership") return true;
    const { known } = this.#parts.truth;
    if (known === undefined || known.index !== step.expectedIndex) return false;
    const voters = step.target.filter(({ kind }) => kind === "voter").map(({ id }) => BigInt(`0x${id}`));
    return !sameMembers(voters, known.configuration.voters);
  }

  restarting(place: Place, how: "evict" | "delete" | "force", basis: Basis): void {
    if (how === "force") this.#judgeForce(place, basis);
    const voter = this.#voterIn(place);
    if (voter === undefined) return;
    const isSmall = this.#configuration().voters.length <= 2;
    if (isSmall) return;
    const others = [...this.#takenDown.keys()].filter((id) => id !== voter && !basis.dead.has(id));
    if (basis.alive.has(voter) && others.length > 0) {
      this.#fail("one-disruption", `${place.slot.name} is restarted before ${others.length} others are back`);
    }
    this.#mayTakeDown(voter, place, basis);
  }

  #judgeForce({ slot, pod, claim }: Place, { input }: Basis): void {
    const seen = input.slots.find(({ index }) => index === slot.index)?.node.state;
    if (seen === "ok" && pod?.node?.isOk === true) {
      this.#fail("forced", `${slot.name} was forced off a node that is well`);
    }
    const isReplaced = claim === undefined || claim.deleting;
    if (seen === "unreachable" && pod?.node?.state.state === "unreachable" && !isReplaced) {
      this.#fail("forced", `${slot.name} was forced off a node that may come back`);
    }
  }

  /** Somebody else takes one away, as the budget allows. */
  draining(place: Place): void {
    const voter = this.#voterIn(place);
    const { voters } = this.#configuration();
    if (voter === undefined || voters.length <= 2) return;
    const { places, minAvailable } = this.#parts.platform;
    if (place.pod?.marked !== true || minAvailable === undefined) return;
    const ready = new Set(places.filter(isReady).map(({ slot }) => slot.member?.id));
    for (const half of halvesOf(this.#configuration())) {
      const before = half.filter((id) => ready.has(id));
      const after = before.filter((id) => id !== voter);
      if (before.length * 2 <= half.length || after.length * 2 > half.length) continue;
      const message = `the budget of ${minAvailable} lets ${place.slot.name} be evicted: ${after.length} of ${half.length} voters are left`;
      this.#fail("budget", message);
    }
  }

  stopping(from: number, { atUs, input }: Basis): void {
    const { platform, truth } = this.#parts;
    const { known } = truth;
    if (known === undefined || input.slots.every(({ index, kept }) => index < from || !kept)) return;
    if (truth.leaderlessSinceUs !== undefined && truth.leaderlessSinceUs < atUs) return;
    for (const place of platform.places) {
      const id = place.slot.disk.durableLog()?.memberId;
      if (place.slot.index < from || place.pod === undefined || id === undefined) continue;
      const isMember = [known.committed, known.configuration].every(
        ({ voters, outgoing, learners }) =>
          voters.includes(id) || outgoing.includes(id) || learners.includes(id),
      );
      if (isMember)
        this.#fail("takes-member-away", `${place.slot.name} is a member, and its process is stopped`);
    }
  }

  /** The two cases of design.md, and the claims that were made for newcomers that never had a vote. */
  deletingClaim(place: Place, basis: Basis): void {
    const { slot, claim, pod } = place;
    const { truth, losses, platform } = this.#parts;
    const id = slot.disk.durableLog()?.memberId;
    const { known } = truth;
    if (id === undefined || known === undefined) return;
    const { configuration, committed } = known;
    const isVoter = [configuration, committed].some((c) => halvesOf(c).some((half) => half.includes(id)));
    const isLearner = [configuration, committed].some(({ learners }) => learners.includes(id));
    const fail = (why: string): void => {
      this.#fail("claims", `the claim of ${slot.name} is deleted (member ${id.toString(16)}): ${why}`);
    };
    const seen = basis.input.slots.find(({ index }) => index === slot.index);
    const isNodeLost = seen?.node.state !== "ok" || (pod?.node ?? claim?.boundTo)?.isOk === false;
    if (isLearner && !isVoter) fail("it is a learner");
    if (!isVoter) {
      const { whenScaled } = basis.input.spec;
      const isAsked = whenScaled === "Delete" || !truth.everVoters.has(id) || losses.isLost(id);
      if (!isAsked && damageOf(place) === undefined && !isNodeLost) fail("policy keeps it");
      return;
    }
    if (platform.isAttachable || !isNodeLost) {
      fail("it is a voter whose disk may come back");
      return;
    }
    const { node } = seen!;
    if (node.state === "unreachable") {
      const overdueMs = operatorNowMs(this.#parts.cluster.world) - node.since - this.#deadlineMs(basis);
      if (overdueMs < -DEADLINE_TOLERANCE_MS) fail(`the deadline is over only in ${-overdueMs} ms`);
    }
    if (truth.isSteady(id, this.#doubtUs)) fail("it is alive");
    for (const half of halvesOf(configuration)) {
      const left = half.filter((other) => other !== id && !basis.dead.has(other));
      if (half.includes(id) && left.length * 2 <= half.length) {
        fail(`of ${half.length} voters only ${left.length} are alive without it`);
      }
    }
    this.#mayTakeDown(id, place, basis);
  }

  #deadlineMs({ input }: Basis): number {
    return input.spec.replaceAfterSeconds * 1000;
  }

  founding(clusterId: bigint, memberId: MemberId): void {
    this.#parts.truth.look();
    const founded = this.#founded;
    this.#founded ??= { clusterId, memberId };
    if (founded === undefined || (founded.clusterId === clusterId && founded.memberId === memberId)) return;
    this.#fail("one-cluster", `a second cluster is founded on member ${memberId.toString(16)}`);
  }

  resetting(id: MemberId, onDisk: MemberId): void {
    const { known } = this.#parts.truth;
    if (known === undefined || id !== onDisk) return;
    const isMember = [known.configuration, known.committed].every(
      ({ voters, outgoing, learners }) =>
        voters.includes(id) || outgoing.includes(id) || learners.includes(id),
    );
    if (isMember) this.#fail("resets-member", `member ${id.toString(16)} is reset, and is configured`);
  }

  /**
   * Throws a CallFailed where more was lost since the operator looked than it can know: such a call is lost, since
   * no operator brings back what it would destroy.
   */
  changing(voters: readonly MemberId[], expectedIndex: bigint, basis: Basis): void {
    const { truth, losses } = this.#parts;
    truth.look();
    const { known } = truth;
    if (known === undefined || known.index !== expectedIndex || !known.isSettled) return;
    const current = known.configuration.voters;
    if (sameMembers(current, voters)) return;
    const lost = voters.filter((id) => losses.isLost(id));
    if (lost.length > minorityOf(voters.length)) {
      if (lost.every((id) => basis.lost.has(id)) && lost.every((id) => basis.dead.has(id))) {
        this.#fail(
          "quorum",
          `${lost.length} of the ${voters.length} voters of the new configuration are lost`,
        );
      }
      throw new CallFailed("too many of its voters were lost meanwhile");
    }
    const dead = voters.filter((id) => basis.dead.has(id) && truth.isDead(id, this.#doubtUs));
    if (dead.length > minorityOf(voters.length)) {
      this.#fail("quorum", `${dead.length} of the ${voters.length} voters of the new configuration are dead`);
    }
    this.#judgeLeavers(
      current.filter((id) => !voters.includes(id)),
      basis,
    );
  }

  /** Whoever leaves sits above the wanted slots, or its disk can't be used any more. */
  #judgeLeavers(leavers: readonly MemberId[], basis: Basis): void {
    const { truth, losses, platform } = this.#parts;
    for (const id of leavers) {
      const slot = truth.slotOf(id);
      if (slot === undefined || slot.index >= basis.input.spec.replicas || losses.isLost(id)) continue;
      const place = platform.places[slot.index]!;
      if (place.slot.lastExit?.kind === "fatal" || !truth.isSteady(id, this.#doubtUs)) continue;
      this.#fail("victims", `${slot.name} is alive and wanted, and loses its vote`);
    }
  }

  #mayTakeDown(victim: MemberId, place: Place, basis: Basis): void {
    this.#forgetReturned();
    const taken = [...this.#takenDown.keys()].filter((id) => id !== victim);
    for (const half of halvesOf(this.#configuration())) {
      if (!half.includes(victim)) continue;
      const before = half.filter((id) => !basis.dead.has(id) && !taken.includes(id));
      const after = before.filter((id) => id !== victim);
      if (before.length * 2 <= half.length || after.length * 2 > half.length) continue;
      if (!basis.alive.has(victim)) continue;
      this.#fail(
        "quorum",
        `${place.slot.name} is taken down, and of ${half.length} voters only ${after.length} are left`,
      );
    }
    this.#takenDown.set(victim, place);
  }

  #forgetReturned(): void {
    const { truth } = this.#parts;
    truth.look();
    for (const [id, { pod, claim }] of this.#takenDown) {
      const isGoing = pod === undefined || pod.deleting || claim?.deleting === true;
      const isVoter = halvesOf(this.#configuration()).some((half) => half.includes(id));
      if (!isVoter || (!isGoing && truth.isSteady(id, 0))) this.#takenDown.delete(id);
    }
  }

  #configuration(): Configuration {
    return this.#parts.truth.known?.configuration ?? none;
  }

  /** Running, and no doubt that it is a voter. */
  #voterIn({ slot }: Place): MemberId | undefined {
    const id = slot.member?.id;
    if (id === undefined) return undefined;
    return halvesOf(this.#configuration()).some((half) => half.includes(id)) ? id : undefined;
  }

  #fail(rule: string, message: string): void {
    this.#parts.cluster.world.fail(`operator-${rule}`, message);
  }
}

const none: Configuration = {
  voters: [],
  outgoing: [],
  learners: [],
  learnersNext: [],
  context: new Uint8Array(),
};

function sameMembers(a: readonly MemberId[], b: readonly MemberId[]): boolean {
  return a.length === b.length && a.every((id) => b.includes(id));
}

import type { Replica } from "@rstore/replica/runtime/replica";
import type { MemberListing, TargetMember } from "@rstore/replica/runtime/replica-api";
import { Administrator } from "../cluster/administrator.ts";
import type { SimCluster, Slot } from "../cluster/types.ts";
import type { Random } from "../world/random.ts";
import type { Holds } from "./holds.ts";
import { type LossLedger, minorityOf } from "./loss-ledger.ts";

const callTimeoutMs = 3000;
/** After this long a change that did not come about is given up. */
const patienceMs = 12_000;
const pauseMs = 300;

type Ask<T> = (replica: Replica, deadlineMs: number) => Promise<T>;

/** Who the members are to be. */
export interface Goal {
  readonly voters: readonly Slot[];
  readonly learners: readonly Slot[];
  /** Whose addresses are given to members that do not exist. */
  readonly ghosts: readonly Slot[];
}

interface MembershipAdministratorParts {
  readonly cluster: SimCluster;
  readonly random: Random;
  readonly losses: LossLedger;
  readonly down: Holds<Slot>;
  /** All faults are over: nothing more is asked for. */
  readonly isOver: () => boolean;
  readonly say: (text: () => string) => void;
}

/**
 * Changes membership as an operator would: newcomers are started and join as learners, and when they have
 * caught up the target takes over in one change. Nobody is made a voter who is known to be lost.
 */
export class MembershipAdministrator {
  readonly #parts: MembershipAdministratorParts;
  readonly #random: Random;
  readonly #caller: Administrator;

  constructor(parts: MembershipAdministratorParts) {
    this.#parts = parts;
    this.#random = parts.random;
    this.#caller = new Administrator(parts.cluster);
  }

  /** Begins; it goes on beside whatever else happens. */
  change(goal: Goal): void {
    this.#begin("change", () => this.#reach(() => goal));
  }

  /** Each member keeps its address and becomes the one whose disk is there now. */
  replaceLost(): void {
    this.#begin("replacement", () =>
      this.#reach((listing) => {
        this.#renewDisks(listing);
        const at = (kinds: readonly string[]): Slot[] =>
          this.#parts.cluster.slots.filter(({ peerUrl }) =>
            listing.members.some((member) => member.peerUrl === peerUrl && kinds.includes(member.kind)),
          );
        const voters = at(["voter"]);
        const learners = at(["learner"]).filter((slot) => !voters.includes(slot));
        return { voters, learners, ghosts: [] };
      }),
    );
  }

  /** Asks a leader at once to let all learners vote, or to add or remove whoever is in this slot. */
  hasten(leader: Slot, slot: Slot): void {
    const { name, peerUrl, clientUrl, replica: newcomer } = slot;
    const id = newcomer?.identity().memberId;
    if (id === undefined || this.#parts.losses.isLost(id)) return;
    this.#begin("hasty change", () =>
      this.#ask(leader, async (replica, deadlineMs) => {
        const read = { consistency: "serializable", minRevision: 0n, deadlineMs } as const;
        const listing = await replica.listMembers(read);
        const voters = listing.members.map((member) => ({ ...member, kind: "voter" }) as const);
        const hasLearners = listing.members.some(({ kind }) => kind === "learner");
        const others = remaining(listing).filter((member) => member.id !== id);
        const isMember = others.length < listing.members.length;
        const learner = { id, name, peerUrl, clientUrl, kind: "learner" } as const;
        const moved = isMember ? others : [...others, learner];
        const target = hasLearners && this.#random.chance(0.7) ? voters : moved;
        await this.#changeMembers(replica, listing, target, deadlineMs);
      }),
    );
  }

  transfer(to: Slot): void {
    this.#begin("transfer", async () => {
      const target = to.disk.durableLog()?.memberId ?? 0n;
      await this.#askLeader((replica, deadlineMs) => replica.transferLeadership(target, { deadlineMs }));
    });
  }

  /** On a disk of a cluster only: on a blank one it would be no mistake but a second cluster. */
  bootstrapAgain(slot: Slot, otherCluster: boolean): void {
    this.#begin("bootstrap", () =>
      this.#ask(slot, async (replica) => {
        const { clusterId, memberId } = replica.identity();
        if (clusterId === 0n) throw new Error(`${slot.name} is blank`);
        await replica.bootstrap(otherCluster ? clusterId + 1n : clusterId, memberId);
        if (!otherCluster) return;
        this.#parts.cluster.world.fail("one-cluster", `${slot.name} became a member of a second cluster`);
      }),
    );
  }

  #begin(what: string, task: () => Promise<void>): void {
    const { say } = this.#parts;
    task().then(
      () => say(() => `the ${what} is done`),
      (error: Error) => say(() => `the ${what} failed: ${error.message}`),
    );
  }

  /** Tries again until it is there or patience ends. */
  async #reach(goalOf: (listing: MemberListing) => Goal): Promise<void> {
    const { world } = this.#parts.cluster;
    const endUs = world.nowUs + patienceMs * 1000;
    // At times somebody is in a hurry, and newcomers are to vote at once: the leader must refuse.
    let stage: "hasty" | "first" | "later" = this.#random.chance(0.15) ? "hasty" : "first";
    for (;;) {
      try {
        const listing = await this.#askLeader((replica, deadlineMs) =>
          replica.listMembers({ consistency: "linearizable", minRevision: 0n, deadlineMs }),
        );
        const goal = goalOf(listing);
        await this.#prepare([...goal.voters, ...goal.learners], listing);
        const target = this.#targetOf(goal);
        const joining = stage === "hasty" ? [] : newcomers(target, listing);
        const ghosts = stage === "first" ? goal.ghosts.map((slot) => this.#ghostAt(slot)) : [];
        if (stage === "hasty") stage = "first";
        if (joining.length + ghosts.length === 0) {
          await this.#propose(target, listing);
          return;
        }
        const learners = joining.map((member) => ({ ...member, kind: "learner" as const }));
        await this.#propose([...remaining(listing), ...learners, ...ghosts], listing);
        if (ghosts.length > 0) this.#parts.cluster.world.coverage.count("membership.newcomer-never-up");
        stage = "later";
      } catch (error) {
        if (world.nowUs >= endUs || this.#parts.isOver()) throw error;
      }
      await this.#caller.sleep(pauseMs);
      if (world.nowUs >= endUs) throw new Error("given up");
    }
  }

  async #propose(target: readonly TargetMember[], listing: MemberListing): Promise<void> {
    await this.#askLeader((replica, deadlineMs) => this.#changeMembers(replica, listing, target, deadlineMs));
    const gone = listing.members.filter(({ id }) => !target.some((member) => member.id === id));
    if (newcomers(target, listing).length + gone.length > 1) {
      this.#parts.cluster.world.coverage.count("membership.several-at-once");
    }
  }

  /** Judged where it takes effect: a disk may have been lost while the call was under way. */
  #changeMembers(
    replica: Replica,
    { configurationIndex }: MemberListing,
    target: readonly TargetMember[],
    deadlineMs: number,
  ): Promise<unknown> {
    const voters = target.filter(({ kind }) => kind === "voter");
    if (voters.length === 0) throw new Error("no voter would be left");
    const lost = voters.filter(({ id }) => this.#parts.losses.isLost(id));
    if (lost.length > minorityOf(voters.length)) throw new Error("too many of its voters are lost");
    return replica.changeMembership(configurationIndex, target, { deadlineMs });
  }

  #targetOf({ voters, learners }: Goal): TargetMember[] {
    const named = (slots: readonly Slot[], kind: "voter" | "learner"): TargetMember[] =>
      slots.flatMap((slot) => {
        const { name, peerUrl, clientUrl } = slot;
        const id = slot.replica?.identity().memberId ?? slot.disk.durableLog()?.memberId;
        if (id === undefined) throw new Error(`${name} is not up`);
        return this.#parts.losses.isLost(id) ? [] : [{ id, name, peerUrl, clientUrl, kind }];
      });
    return [...named(voters, "voter"), ...named(learners, "learner")];
  }

  #ghostAt({ peerUrl, clientUrl }: Slot): TargetMember {
    const id = (BigInt(this.#random.uint32()) << 32n) | BigInt(this.#random.between(1, 0xffff_ffff));
    return { id, name: "never up", peerUrl, clientUrl, kind: "learner" };
  }

  /** Starts whoever is to be a member, and resets whoever was removed before. */
  async #prepare(slots: readonly Slot[], { members }: MemberListing): Promise<void> {
    const { down } = this.#parts;
    for (const slot of slots) if (slot.life === undefined && !down.isHeld(slot)) slot.start();
    await this.#caller.sleep(slots.some(({ replica }) => replica === undefined) ? pauseMs : 0);
    for (const slot of slots) {
      const identity = slot.replica?.identity();
      if (identity?.removedIndex === undefined) continue;
      if (members.some(({ id }) => id === identity.memberId)) continue;
      const { clusterId, memberId, removedIndex } = identity;
      await this.#ask(slot, (replica) => replica.reset(clusterId, memberId, removedIndex));
    }
  }

  /** A lost member whose disk is still there gets an empty one. */
  #renewDisks({ members }: MemberListing): void {
    const { cluster, losses, down } = this.#parts;
    for (const { id, peerUrl } of members) {
      // A disk whose log is gone or damaged does not say whose it was.
      const unnamed = ({ disk, peerUrl: url }: Slot): boolean =>
        url === peerUrl && disk.durableLog() === undefined && disk.tampered > 0;
      const slot = losses.isLost(id) ? (cluster.slotOf(id) ?? cluster.slots.find(unnamed)) : undefined;
      if (slot === undefined) continue;
      down.take(slot);
      slot.crash();
      slot.disk.wipe();
      down.letGo(slot);
    }
  }

  #askLeader<T>(serve: Ask<T>): Promise<T> {
    const leaders = this.#parts.cluster.leaders();
    if (leaders.length === 0) return Promise.reject(new Error("there is no leader"));
    return this.#ask(this.#random.pick(leaders), serve);
  }

  #ask<T>(slot: Slot, serve: Ask<T>): Promise<T> {
    if (this.#parts.isOver()) return Promise.reject(new Error("the faults are over"));
    return this.#caller.call(slot, callTimeoutMs, (replica, { deadlineMs }) => serve(replica, deadlineMs));
  }
}

/** Who of the target is no member yet. */
function newcomers(target: readonly TargetMember[], { members }: MemberListing): TargetMember[] {
  return target.filter(({ id }) => !members.some((member) => member.id === id));
}

/** The members as they are. */
function remaining({ members }: MemberListing): TargetMember[] {
  return members.map((member) => ({ ...member, kind: member.kind === "learner" ? "learner" : "voter" }));
}

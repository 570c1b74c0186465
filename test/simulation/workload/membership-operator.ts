import type { Replica } from "@rstore/replica/runtime/replica";
import { type MemberListing, ReplicaError, type TargetMember } from "@rstore/replica/runtime/replica-api";
import type { SimCluster, Slot } from "../cluster/types.ts";
import { clientPlace } from "../network/types.ts";
import type { Random } from "../world/random.ts";

const place = clientPlace(800);
/** After so many election timeouts a change that did not come about is given up. */
const PATIENCE_ELECTIONS = 25;
const CALL_ELECTIONS = 6;
const NEVER_UP_CHANCE = 0.1;
const LEARNERS_FIRST_CHANCE = 0.8;

/** What becomes of one place. */
type Fate = "voter" | "learner" | "none";

/**
 * An operator who transfers leadership and changes who is a member, one thing at a time, from nothing but what
 * replicas answer: a linearizable list, the identity of each replica, and the index that the change expects.
 */
export class MembershipOperator {
  readonly #cluster: SimCluster;
  readonly #isLost: (memberId: bigint) => boolean;
  readonly #random: Random;
  #isOver = false;
  isBusy = false;

  constructor(cluster: SimCluster, isLost: (memberId: bigint) => boolean) {
    this.#cluster = cluster;
    this.#isLost = isLost;
    this.#random = cluster.world.random("workload operator");
  }

  end(): void {
    this.#isOver = true;
  }

  /** False: busy. */
  begin(what: "transfer" | "change-membership"): boolean {
    if (this.isBusy || this.#isOver) return false;
    this.isBusy = true;
    const { world } = this.#cluster;
    const done = what === "transfer" ? this.#transfer() : this.#change();
    done
      .then(
        () => world.say("operator", () => `${what}: done`),
        (error: unknown) => world.say("operator", () => `${what}: ${(error as Error).message}`),
      )
      .then(() => {
        this.isBusy = false;
      });
    return true;
  }

  async #transfer(): Promise<void> {
    const { world } = this.#cluster;
    const listing = await this.#list();
    const voters = listing.members.filter(({ kind }) => kind === "voter");
    const target = this.#random.chance(0.3) ? 0n : this.#random.pick(voters).id;
    const leader = await this.#leaderSlot();
    const before = leader.member?.id;
    const { leaderId } = await this.#ask(leader, (replica, options) =>
      replica.transferLeadership(target, options),
    );
    if (leaderId !== before) world.coverage.count("leadership.transferred");
  }

  /** Towards one goal until it is reached: newcomers learn first, mostly, and then all changes at once. */
  async #change(): Promise<void> {
    const { world, shape } = this.#cluster;
    const endUs = world.nowUs + PATIENCE_ELECTIONS * shape.electionTimeoutMs * 1000;
    const fates = this.#drawFates(await this.#list());
    const ghost = this.#random.chance(NEVER_UP_CHANCE) ? this.#ghost() : undefined;
    let learnersFirst = this.#random.chance(LEARNERS_FIRST_CHANCE);
    for (;;) {
      try {
        if (await this.#step(fates, learnersFirst ? "learners-first" : "at-once", ghost)) return;
      } catch (error) {
        if (world.nowUs >= endUs || this.#isOver) throw error;
        if (error instanceof ReplicaError && error.outcome === "not-applied") {
          world.coverage.count("membership.refused");
        }
        learnersFirst = true;
      }
      if (world.nowUs >= endUs || this.#isOver) throw new Error("given up");
      await this.#wait(shape.electionTimeoutMs / 2);
    }
  }

  /** Each place keeps its fate or gets another: none changes, or one, or several. */
  #drawFates({ members }: MemberListing): Map<Slot, Fate> {
    const { slots } = this.#cluster;
    const fates = new Map<Slot, Fate>();
    for (const slot of slots) {
      const member = members.find(({ name, kind }) => name === slot.name && kind !== "outgoing");
      fates.set(slot, member === undefined ? "none" : member.kind === "learner" ? "learner" : "voter");
    }
    for (const slot of this.#random.shuffle(slots).slice(0, this.#random.pick([1, 1, 2, 3]))) {
      fates.set(slot, this.#random.pick(["voter", "voter", "learner", "none"]));
    }
    if (![...fates.values()].includes("voter")) fates.set(this.#random.pick(slots), "voter");
    return fates;
  }

  /** True: this change was the last. */
  async #step(
    fates: ReadonlyMap<Slot, Fate>,
    order: "learners-first" | "at-once",
    ghost: TargetMember | undefined,
  ): Promise<boolean> {
    const { world } = this.#cluster;
    const listing = await this.#list();
    if (listing.joint || !listing.committed) return false;
    const goal = await this.#targetOf(fates, listing);
    const kinds = new Map(listing.members.map(({ id, kind }) => [id, kind]));
    const newcomers = goal.filter(({ id }) => !kinds.has(id));
    const isFirst = order === "learners-first" && newcomers.length > 0;
    const staying = listing.members
      .filter(({ id }) => !this.#isLost(id))
      .map((member): TargetMember => ({ ...member, kind: member.kind === "learner" ? "learner" : "voter" }));
    const target = isFirst
      ? [...staying, ...newcomers.map((member) => ({ ...member, kind: "learner" as const }))]
      : goal;
    const withGhost = ghost !== undefined && isFirst ? [...target, ghost] : target;
    const isSame =
      withGhost.length === kinds.size && withGhost.every(({ id, kind }) => kinds.get(id) === kind);
    if (isSame || !withGhost.some(({ kind }) => kind === "voter")) return true;
    const leader = await this.#leaderSlot();
    const leaderId = leader.member?.id;
    await this.#ask(leader, (replica, options) => {
      if (withGhost.some(({ id, kind }) => kind === "voter" && this.#isLost(id)))
        throw new Error("a voter is lost");
      return replica.changeMembership(listing.configurationIndex, withGhost, options);
    });
    const left = [...kinds.keys()].filter((id) => !withGhost.some((member) => member.id === id));
    const changed = withGhost.filter(({ id, kind }) => kinds.get(id) !== kind);
    if (left.length + changed.length > 1) world.coverage.count("membership.several-at-once");
    if (withGhost !== target) world.coverage.count("membership.newcomer-never-up");
    if (leaderId !== undefined && left.includes(leaderId)) world.coverage.count("membership.leader-removed");
    if (changed.some(({ id, kind }) => kind === "voter" && kinds.get(id) === "learner")) {
      world.coverage.count("membership.learner-promoted");
    }
    return !isFirst;
  }

  /** Whoever is in each place now: a disk that was emptied or reset is another member than before. */
  async #targetOf(fates: ReadonlyMap<Slot, Fate>, { members }: MemberListing): Promise<TargetMember[]> {
    const target: TargetMember[] = [];
    for (const [slot, kind] of fates) {
      if (kind === "none") continue;
      const { name, peerUrl, clientUrl } = slot;
      const known = members.find(
        (member) => member.name === name && member.kind !== "outgoing" && !this.#isLost(member.id),
      );
      const id = known?.id ?? (await this.#newcomer(slot));
      if (id !== undefined && !this.#isLost(id)) target.push({ id, name, peerUrl, clientUrl, kind });
    }
    return target;
  }

  /** A replica that may join: blank, or reset because it was removed. undefined: not now. */
  async #newcomer(slot: Slot): Promise<bigint | undefined> {
    try {
      return await this.#ask(slot, async (replica) => {
        const { clusterId, memberId, removedIndex } = replica.identity();
        if (removedIndex === undefined) return clusterId === 0n ? memberId : undefined;
        const reset = await replica.reset(clusterId, memberId, removedIndex);
        this.#cluster.world.coverage.count("membership.member-reset");
        return reset.memberId;
      });
    } catch {
      return undefined;
    }
  }

  /** A member that nobody will ever be, at the address of somebody else. */
  #ghost(): TargetMember {
    const { name, peerUrl, clientUrl } = this.#random.pick(this.#cluster.slots);
    const id = (BigInt(this.#random.uint32()) << 32n) | BigInt(this.#random.between(1, 0xffff_ffff));
    return { id, name: `ghost of ${name}`, peerUrl, clientUrl, kind: "learner" };
  }

  #list(): Promise<MemberListing> {
    const slot = this.#random.pick(this.#cluster.slots);
    return this.#ask(slot, (replica, options) =>
      replica.listMembers({ ...options, consistency: "linearizable", minRevision: 0n }),
    );
  }

  /** As whoever was asked says. */
  async #leaderSlot(): Promise<Slot> {
    const slot = this.#random.pick(this.#cluster.slots);
    const leaderId = await this.#ask(slot, async (replica) => replica.answerState().leaderId);
    const leader = this.#cluster.slotOf(leaderId);
    if (leader === undefined) throw new Error("no leader is known");
    return leader;
  }

  #ask<T>(
    slot: Slot,
    serve: (replica: Replica, options: { readonly deadlineMs: number }) => Promise<T>,
  ): Promise<T> {
    const { network, world, shape } = this.#cluster;
    const timeoutMs = CALL_ELECTIONS * shape.electionTimeoutMs;
    return new Promise((resolve, reject) => {
      const cancel = world.at(timeoutMs * 1000, () => reject(new Error(`${slot.name} does not answer`)));
      network.call(
        place,
        slot.index,
        async () => {
          const { replica, clock } = slot;
          if (replica === undefined || clock === undefined) throw new Error(`${slot.name} is starting`);
          return await serve(replica, { deadlineMs: clock.nowMs() + timeoutMs });
        },
        (answer) => {
          cancel();
          if (answer.status === "fulfilled") resolve(answer.value);
          else reject(answer.reason);
        },
      );
    });
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => this.#cluster.world.at(ms * 1000, resolve));
  }
}

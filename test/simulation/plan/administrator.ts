import type { Replica } from "@rstore/replica/runtime/replica";
import type { MemberListing, TargetMember } from "@rstore/replica/runtime/replica-api";
import type { SimCluster, Slot } from "../cluster/types.ts";
import { clientPlace } from "../network/types.ts";
import type { Random } from "../world/random.ts";
import type { Holds } from "./holds.ts";
import type { LossLedger } from "./loss-ledger.ts";

const place = clientPlace(900);
const callTimeoutMs = 3000;
/** After this long a change that did not come about is given up. */
const patienceMs = 12_000;
const pauseMs = 300;

/** Who the members are to be. */
export interface Goal {
  readonly voters: readonly Slot[];
  readonly learners: readonly Slot[];
  /** Whose addresses are given to members that do not exist. */
  readonly ghosts: readonly Slot[];
}

interface AdministratorParts {
  readonly cluster: SimCluster;
  readonly random: Random;
  readonly losses: LossLedger;
  readonly down: Holds<Slot>;
  readonly later: (delayMs: number, callback: () => void) => void;
  readonly say: (text: () => string) => void;
}

/**
 * Changes membership as an operator would: newcomers are started and join as learners, and when they have
 * caught up the target takes over in one change. Nobody is made a voter who is known to be lost.
 */
export class Administrator {
  readonly #parts: AdministratorParts;
  readonly #random: Random;

  constructor(parts: AdministratorParts) {
    this.#parts = parts;
    this.#random = parts.random;
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
        return { voters: at(["voter"]), learners: at(["learner"]), ghosts: [] };
      }),
    );
  }

  transfer(to: Slot): void {
    this.#begin("transfer", async () => {
      const target = to.disk.durableLog()?.memberId ?? 0n;
      await this.#askLeader((replica, deadlineMs) => replica.transferLeadership(target, { deadlineMs }));
    });
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
    let hasty = this.#random.chance(0.15);
    for (;;) {
      try {
        if (await this.#step(goalOf, hasty)) return;
      } catch (error) {
        if (world.nowUs >= endUs) throw error;
      }
      hasty = false;
      await this.#wait(pauseMs);
      if (world.nowUs >= endUs) throw new Error("given up");
    }
  }

  /** One change towards the goal; true: it was the last. */
  async #step(goalOf: (listing: MemberListing) => Goal, hasty: boolean): Promise<boolean> {
    const listing = await this.#askLeader((replica, deadlineMs) =>
      replica.listMembers({ consistency: "linearizable", minRevision: 0n, deadlineMs }),
    );
    const goal = goalOf(listing);
    await this.#prepare([...goal.voters, ...goal.learners], listing);
    const target = this.#targetOf(goal);
    if (!target.some(({ kind }) => kind === "voter")) throw new Error("no voter would be left");
    const isNew = ({ id }: TargetMember): boolean => !listing.members.some((member) => member.id === id);
    const joining = target.filter(isNew).map((member) => ({ ...member, kind: "learner" as const }));
    const ghosts = goal.ghosts.map((slot): TargetMember => this.#ghostAt(slot));
    const isFirst = !hasty && joining.length + ghosts.length > 0;
    const staying = listing.members
      .filter(({ id, kind }) => kind !== "outgoing" && !this.#parts.losses.isLost(id))
      .map((member): TargetMember => ({ ...member, kind: member.kind === "learner" ? "learner" : "voter" }));
    const wanted = isFirst ? [...staying, ...joining, ...ghosts] : target;
    await this.#askLeader((replica, deadlineMs) => {
      const lost = wanted.find(({ id, kind }) => kind === "voter" && this.#parts.losses.isLost(id));
      if (lost !== undefined) throw new Error(`${lost.name} was lost meanwhile`);
      return replica.changeMembership(listing.configurationIndex, wanted, { deadlineMs });
    });
    if (ghosts.length > 0) this.#count("membership.newcomer-never-up");
    if (wanted.filter(isNew).length > 1 || wanted.length < listing.members.length - 1) {
      this.#count("membership.several-at-once");
    }
    // Members that never come up are given up with the next change.
    return !isFirst || (ghosts.length > 0 && joining.length === 0 && this.#random.chance(0.3));
  }

  #count(counter: "membership.newcomer-never-up" | "membership.several-at-once"): void {
    this.#parts.cluster.world.coverage.count(counter);
  }

  #targetOf({ voters, learners }: Goal): TargetMember[] {
    const named = (slots: readonly Slot[], kind: "voter" | "learner"): TargetMember[] =>
      slots.flatMap((slot) => {
        const id = slot.replica?.identity().memberId ?? slot.disk.durableLog()?.memberId;
        if (id === undefined || this.#parts.losses.isLost(id)) return [];
        return [{ id, name: slot.name, peerUrl: slot.peerUrl, clientUrl: slot.clientUrl, kind }];
      });
    return [...named(voters, "voter"), ...named(learners, "learner")];
  }

  #ghostAt({ peerUrl, clientUrl }: Slot): TargetMember {
    const id = (BigInt(this.#random.uint32()) << 32n) | BigInt(this.#random.uint32() | 1);
    return { id, name: "never up", peerUrl, clientUrl, kind: "learner" };
  }

  /** Starts whoever is to be a member, and resets whoever was removed before. */
  async #prepare(slots: readonly Slot[], { members }: MemberListing): Promise<void> {
    const { down } = this.#parts;
    for (const slot of slots) if (slot.life === undefined && !down.isHeld(slot)) slot.start();
    await this.#wait(slots.some(({ replica }) => replica === undefined) ? pauseMs : 0);
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
    for (const { id } of members) {
      const slot = losses.isLost(id) ? cluster.slotOf(id) : undefined;
      if (slot === undefined) continue;
      down.take(slot);
      slot.crash();
      slot.disk.wipe();
      down.letGo(slot);
    }
  }

  #askLeader<T>(serve: (replica: Replica, deadlineMs: number) => Promise<T>): Promise<T> {
    const leaders = this.#parts.cluster.leaders();
    if (leaders.length === 0) return Promise.reject(new Error("there is no leader"));
    return this.#ask(this.#random.pick(leaders), serve);
  }

  #ask<T>(slot: Slot, serve: (replica: Replica, deadlineMs: number) => Promise<T>): Promise<T> {
    const { cluster, later } = this.#parts;
    return new Promise((resolve, reject) => {
      later(callTimeoutMs, () => reject(new Error(`${slot.name} does not answer`)));
      cluster.network.call(
        place,
        slot.index,
        async () => {
          if (slot.replica === undefined || slot.clock === undefined) throw new Error(`${slot.name} starts`);
          return await serve(slot.replica, slot.clock.nowMs() + callTimeoutMs);
        },
        (answer) => {
          if (answer.status === "fulfilled") resolve(answer.value);
          else reject(answer.reason as Error);
        },
      );
    });
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => this.#parts.later(ms, resolve));
  }
}

import { check } from "./schedule-check.ts";
import type { ScheduleCluster } from "./schedule-cluster.ts";
import type { ScheduleMember } from "./schedule-member.ts";
import { networkQualities } from "./schedule-network.ts";
import { ScheduleRandom } from "./schedule-random.ts";
import type { Configuration, MemberId } from "./types.ts";

/** Which member: 0 the leader, 1 another that believes to lead, and from 2 on one by its number. */
export type Who = number;

/** One thing that happens to a cluster. Plain data, so that a schedule can be printed and run again. */
export type Operation =
  | {
      readonly op: "run";
      readonly rounds: number;
      /** Of the network, best first; see networkQualities. */
      readonly quality: number;
      /** 0 fast, 1 slow, 2 stuck. */
      readonly disk: number;
      readonly salt: number;
    }
  | { readonly op: "propose"; readonly who: Who; readonly count: number; readonly bytes: number }
  | { readonly op: "read"; readonly who: Who; readonly count: number }
  | {
      readonly op: "crash";
      readonly who: Who;
      readonly survivors: number;
      readonly torn: boolean;
      readonly restart: boolean;
    }
  | { readonly op: "start"; readonly who: Who }
  | {
      readonly op: "cut";
      readonly who: Who;
      readonly shape: CutShape;
      readonly mask: number;
      /** Proposals that the member gets right after, most of which will be lost. */
      readonly count: number;
    }
  | { readonly op: "heal"; readonly start: boolean }
  | { readonly op: "pause"; readonly who: Who; readonly rounds: number; readonly ticks: number }
  | { readonly op: "change"; readonly voters: number; readonly learners: number; readonly flags: number }
  | { readonly op: "transfer"; readonly who: Who; readonly target: Who }
  | { readonly op: "abort"; readonly who: Who }
  | { readonly op: "forget"; readonly who: Who }
  | { readonly op: "compact"; readonly who: Who; readonly retained: number; readonly snapshot: boolean }
  | { readonly op: "flush"; readonly who: Who }
  | { readonly op: "disconnect"; readonly who: Who; readonly peer: Who }
  | { readonly op: "unreachable"; readonly who: Who; readonly peer: Who };

/** Around one member, or by a mask: both ways, only what it hears, only what it says, two halves, single links. */
export type CutShape = "isolate" | "deafen" | "mute" | "halve" | "links";

export interface Schedule {
  readonly voters: number;
  readonly seed: number;
  readonly compacted: boolean;
  readonly readsPending: boolean;
  /** Rounds without faults before the first operation. */
  readonly calmRounds: number;
  readonly operations: readonly Operation[];
}

/** The places that masks of a change speak of; a place whose member left gets a new member. */
export const SLOTS = 6;
const MEMBERS_MAX = 14;

/** Bits of `flags` of a change. */
const STALE_INDEX = 1;
const JOINERS_ABSENT = 2;
const PROMOTE_UNSEEN = 4;

const diskChances = [0.95, 0.4, 0];

/** Carries out operations on a cluster. */
export class ScheduleOperator {
  readonly #cluster: ScheduleCluster;
  readonly #slots: MemberId[];
  #nextId: MemberId;
  #proposed = 0;

  constructor(cluster: ScheduleCluster) {
    this.#cluster = cluster;
    this.#slots = Array.from({ length: SLOTS }, (_, i) => BigInt(i + 1));
    this.#nextId = BigInt(SLOTS + 1);
  }

  do(operation: Operation): void {
    if (operation.op === "run") this.#run(operation);
    else if (operation.op === "heal") this.#heal(operation.start);
    else if (operation.op === "change") this.#change(operation);
    else {
      const member = this.#who(operation.who);
      if (member !== undefined) this.#toMember(operation, member);
    }
  }

  #toMember(
    operation: Exclude<Operation, { op: "run" } | { op: "heal" } | { op: "change" }>,
    member: ScheduleMember,
  ): void {
    const cluster = this.#cluster;
    switch (operation.op) {
      case "propose":
        for (let i = 0; i < operation.count; i++) this.propose(member, operation.bytes);
        break;
      case "read":
        for (let i = 0; i < operation.count; i++) this.read(member);
        break;
      case "crash":
        if (member.up) cluster.crash(member, operation.survivors, operation.torn);
        if (operation.restart) member.start();
        break;
      case "start":
        if (!member.up) member.start();
        break;
      case "cut":
        this.#cut(member.id, operation.shape, operation.mask);
        for (let i = 0; i < operation.count; i++) this.propose(member, 0);
        break;
      case "pause":
        member.pausedRounds = operation.rounds;
        member.missedTicks = operation.ticks;
        break;
      case "abort":
        cluster.step(member, (node) => node.abortTransfer());
        break;
      case "forget":
        cluster.step(member, (node) => node.forgetLeader());
        break;
      case "compact":
        cluster.flush(member);
        if (operation.snapshot) member.takeSnapshot();
        member.compact(BigInt(operation.retained));
        break;
      case "flush":
        cluster.flush(member);
        break;
      default:
        this.#betweenTwo(operation, member);
    }
  }

  #betweenTwo(
    operation: Extract<Operation, { op: "transfer" | "disconnect" | "unreachable" }>,
    member: ScheduleMember,
  ): void {
    const peer = this.#who(operation.op === "transfer" ? operation.target : operation.peer);
    if (peer === undefined || peer === member) return;
    this.#cluster.step(member, (node) => {
      if (operation.op === "transfer") node.transferLeadership(peer.id);
      else if (operation.op === "disconnect") node.peerDisconnected(peer.id);
      else node.peerUnreachable(peer.id);
    });
  }

  #who(who: Who): ScheduleMember | undefined {
    const members = [...this.#cluster.members.values()];
    if (who >= 2) return members[(who - 2) % members.length];
    const leader = this.#cluster.leader;
    if (who === 0) return leader;
    return members.find((member) => member !== leader && member.node?.status().role === "leader");
  }

  #run({ rounds, quality, disk, salt }: Extract<Operation, { op: "run" }>): void {
    this.#cluster.network.quality = networkQualities[quality]!;
    const random = new ScheduleRandom(salt);
    const diskChance = diskChances[disk]!;
    this.#cluster.run(rounds, { diskChance, drainChance: 0.8, applyChance: 0.7, random });
  }

  #heal(start: boolean): void {
    this.#cluster.network.heal();
    for (const member of this.#cluster.members.values()) if (start && !member.up) member.start();
  }

  propose(member: ScheduleMember, bytes: number): bigint | undefined {
    this.#proposed += 1;
    const data = new Uint8Array(4 + bytes);
    new DataView(data.buffer).setUint32(0, this.#proposed);
    const before = member.node?.status();
    const result = this.#cluster.step(member, (node) => node.propose(data));
    if (result?.ok !== true || before === undefined) return undefined;
    check(before.role === "leader", "only a leader takes proposals", () => `${member.id}`);
    check(before.transferTarget === undefined, "no proposals during a transfer (A17)", () => `${member.id}`);
    check(result.term === before.term, "a proposal gets the leader's term", () => `${member.id}`);
    return result.index;
  }

  read(member: ScheduleMember): bigint | undefined {
    if (!member.up) return undefined;
    const requestId = this.#cluster.reads.ask(member, this.#cluster.model.commitIndex);
    this.#cluster.step(member, (node) => node.readIndex(requestId));
    return requestId;
  }

  #cut(id: MemberId, shape: CutShape, mask: number): void {
    const { network, members } = this.#cluster;
    const ids = [...members.keys()];
    for (const [i, from] of ids.entries()) {
      for (const [j, to] of ids.entries()) {
        if (from !== to && isCut({ i, j, from, to }, id, shape, mask)) network.cut(from, to);
      }
    }
  }

  #change({ voters: voterMask, learners: learnerMask, flags }: Extract<Operation, { op: "change" }>): void {
    const { leader } = this.#cluster;
    if (leader === undefined) return;
    const { index, configuration } = leader.configuration;
    const now = [...configuration.voters, ...configuration.outgoing, ...configuration.learners];
    const voters: MemberId[] = [];
    const learners: MemberId[] = [];
    for (let slot = 0; slot < SLOTS; slot++) {
      const bit = 1 << slot;
      if (((voterMask | learnerMask) & bit) === 0) continue;
      const id = this.#memberFor(slot, now);
      if (id === undefined) return;
      const promote = (voterMask & bit) !== 0 && (now.includes(id) || (flags & PROMOTE_UNSEEN) !== 0);
      (promote ? voters : learners).push(id);
    }
    const target = { voters, learners, context: new Uint8Array(0) };
    const expected = (flags & STALE_INDEX) !== 0 ? index - 1n : index;
    const result = this.#cluster.step(leader, (node) => {
      const answer = node.proposeConfiguration(expected, target);
      this.#cluster.drain(leader);
      return answer;
    });
    if (result?.ok !== true) return;
    this.#accepted(leader, { expected, before: configuration, voters });
    if ((flags & JOINERS_ABSENT) !== 0) return;
    for (const id of [...voters, ...learners]) if (!this.#cluster.members.has(id)) this.#cluster.join(id);
  }

  #accepted(
    leader: ScheduleMember,
    change: { expected: bigint; before: Configuration; voters: readonly MemberId[] },
  ): void {
    const before = leader.configurations.at(-2);
    check(
      before === undefined || before.index === change.expected,
      "a change expects the index in force",
      () => {
        return `${leader.id} accepts a change that expects ${change.expected}, in force is ${before?.index}`;
      },
    );
    for (const id of change.voters) {
      if (!change.before.learners.includes(id)) continue;
      const member = this.#cluster.members.get(id);
      check(member !== undefined, "who was never seen is not promoted (A6)", () => `${id}`);
    }
  }

  /** The member of a slot; one that left is followed by a new one, since a member never comes back. */
  #memberFor(slot: number, now: readonly MemberId[]): MemberId | undefined {
    const id = this.#slots[slot]!;
    if (now.includes(id) || !this.#cluster.members.has(id)) return id;
    if (this.#cluster.members.size >= MEMBERS_MAX) return undefined;
    this.#slots[slot] = this.#nextId;
    this.#nextId += 1n;
    return this.#slots[slot];
  }
}

interface Link {
  readonly i: number;
  readonly j: number;
  readonly from: MemberId;
  readonly to: MemberId;
}

function isCut({ i, j, from, to }: Link, id: MemberId, shape: CutShape, mask: number): boolean {
  switch (shape) {
    case "isolate":
      return from === id || to === id;
    case "deafen":
      return to === id;
    case "mute":
      return from === id;
    case "halve":
      return ((mask >> (i % 8)) & 1) !== ((mask >> (j % 8)) & 1);
    case "links":
      return ((mask >> ((i * 5 + j) % 24)) & 1) === 1;
  }
}

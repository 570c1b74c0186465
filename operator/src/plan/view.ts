import { millisecondsFromTimestamp } from "../api/v1alpha1/timestamp.ts";
import type { MemberId, MemberStatus } from "../api/v1alpha1/types.ts";
import type { Configuration, ConfiguredMember, PlanInput, Slot } from "./observation.ts";

/** The observation with members and slots brought together. */
export interface View {
  readonly input: PlanInput;
  /** Undefined when no member answered. */
  readonly configuration: Configuration | undefined;
  /** The configuration is committed, not joint: the only one that "no longer a member" may be read from. */
  readonly settled: boolean;
  /** Of the incoming half while joint. */
  readonly voters: readonly ConfiguredMember[];
  readonly learners: readonly ConfiguredMember[];
  /** Voters that answer, have caught up, and whose process is not going away. Learners likewise. */
  readonly live: ReadonlySet<MemberId>;
  /** Voters for which no slot is known, or whose slot another voter's disk occupies. */
  readonly unslotted: readonly ConfiguredMember[];
  slot(index: number): Slot | undefined;
  /** Where the member's disk is, or was last. */
  slotOf(id: MemberId): number | undefined;
  voterAt(slot: number): ConfiguredMember | undefined;
}

export function viewFromInput(input: PlanInput): View {
  const { configuration } = input;
  const slots = new Map(input.slots.map((slot) => [slot.index, slot]));
  const reportedAt = new Map<MemberId, number>();
  for (const slot of slots.values()) {
    const id = reportedId(slot);
    if (id !== undefined) reportedAt.set(id, slot.index);
  }
  const rememberedAt = new Map((input.status.members ?? []).map(({ id, slot }) => [id, slot]));
  const namedAt = new Map((configuration?.members ?? []).map(({ id, slot }) => [id, slot]));
  const slotOf = (id: MemberId): number | undefined =>
    reportedAt.get(id) ?? rememberedAt.get(id) ?? namedAt.get(id);

  const members = configuration?.members ?? [];
  const voters = members.filter(({ kind }) => kind === "voter");
  const voterBySlot = new Map<number, ConfiguredMember>();
  for (const voter of [...voters].sort((a, b) => (a.id < b.id ? -1 : 1))) {
    const at = slotOf(voter.id);
    if (at === undefined) continue;
    if (!voterBySlot.has(at) || reportedAt.get(voter.id) === at) voterBySlot.set(at, voter);
  }
  const isLive = (member: ConfiguredMember): boolean =>
    member.active && member.caughtUp && isServed(member.id, slots.get(slotOf(member.id) ?? -1));
  return {
    input,
    configuration,
    settled: configuration?.committed === true && !configuration.joint,
    voters,
    learners: members.filter(({ kind }) => kind === "learner"),
    live: new Set(members.filter(isLive).map(({ id }) => id)),
    unslotted: voters.filter((voter) => voterBySlot.get(slotOf(voter.id) ?? -1) !== voter),
    slot: (index) => slots.get(index),
    slotOf,
    voterAt: (index) => voterBySlot.get(index),
  };
}

/** Who had a vote when a configuration was last believed. */
export function recordedVoters({ input }: View): readonly MemberStatus[] {
  return (input.status.members ?? []).filter(({ role }) => role !== "Learner");
}

/** The member id that the disk in a slot was last heard to carry. */
export function reportedId(slot: Slot | undefined): MemberId | undefined {
  const report = slot?.report;
  return report === undefined || report.kind === "silent" || report.kind === "damaged"
    ? undefined
    : report.memberId;
}

/** Does a process stand behind what the leader heard of the member, and will it go on? */
function isServed(id: MemberId, slot: Slot | undefined): boolean {
  if (slot?.replica === undefined || slot.replica.deleting) return false;
  return slot.report.kind === "silent" ? slot.replica.ready : reportedId(slot) === id;
}

/**
 * Nobody has reached the replica in the slot since; undefined when it answered. What status remembers counts
 * while it was kept up: an operator that starts anew must not begin to count anew.
 */
export function silentSince(view: View, slot: Slot): number | undefined {
  if (slot.report.kind !== "silent") return undefined;
  if (!wasKeptUp(view)) return slot.report.since;
  const { status, now } = view.input;
  const remembered = (status.members ?? [])
    .filter((member) => member.slot === slot.index && member.health === "Unreachable")
    .map(({ since }) => millisecondsFromTimestamp(since) ?? now);
  return Math.min(slot.report.since, ...remembered);
}

/** Somebody looked until lately: what status remembers has lasted without a break. */
export function wasKeptUp({ input }: View): boolean {
  const { status, now, spec } = input;
  const lastObserved = millisecondsFromTimestamp(status.lastObservedTime);
  return lastObserved !== undefined && (now - lastObserved) * 2 <= spec.replaceAfterSeconds * 1_000;
}

/**
 * The disk promised more than it knows: its peers refuse it, or it reports fewer starts than before; and the
 * leader doesn't hear of it (B2).
 */
export function isStaleDisk(view: View, slot: Slot): boolean {
  const { report } = slot;
  if (report.kind !== "member") return false;
  const remembered = view.input.status.members?.find(({ id }) => id === report.memberId)?.incarnation;
  const member = view.configuration?.members.find(({ id }) => id === report.memberId);
  const isOld = remembered !== undefined && report.incarnation < BigInt(remembered);
  return (isOld || report.refused === true) && member !== undefined && !member.active;
}

export function isConfigured(view: View, id: MemberId): boolean {
  return view.configuration?.members.some((member) => member.id === id) === true;
}

/** The index at which the id was removed for good, if that is known. */
export function removalOf(view: View, id: MemberId): bigint | undefined {
  return view.configuration?.removed?.find((removed) => removed.id === id)?.index;
}

/** Members, voters or not, whose disk is in the slot or was there last. */
export function membersAt(view: View, slot: number): readonly ConfiguredMember[] {
  return (view.configuration?.members ?? []).filter(({ id }) => view.slotOf(id) === slot);
}

export function highestVoterSlot(view: View): number {
  const members = (view.configuration?.members ?? []).filter(({ kind }) => kind !== "learner");
  return Math.max(-1, ...members.map(({ id }) => view.slotOf(id) ?? -1));
}

/** Every cluster id that the resource or one of its disks carries. */
export function clusterIdsOf(input: PlanInput): readonly string[] {
  const ids = new Set<string>();
  const { clusterId, bootstrap } = input.status;
  if (clusterId !== undefined) ids.add(clusterId);
  else if (bootstrap !== undefined) ids.add(bootstrap.clusterId);
  for (const { report } of input.slots) {
    if (report.kind === "member" || report.kind === "removed") ids.add(report.clusterId);
  }
  return [...ids].sort();
}

/** What its process has on disk is lost as soon as that ends: the volume was deleted, or will be when nobody uses it. */
export function isDiskGoing({ claim }: Slot): boolean {
  return claim === undefined || claim.deleting;
}

/** Nothing says that its node is lost or out of reach. */
export function isNodeThere({ node }: Slot): boolean {
  return node.state === "ok" || node.state === "unknown";
}

export function orderedSlots(view: View): readonly Slot[] {
  return [...view.input.slots].sort((a, b) => a.index - b.index);
}

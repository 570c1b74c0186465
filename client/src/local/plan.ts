import { idText } from "../bytes.ts";
import type { Identity, TargetMember } from "../membership-client.ts";
import { caughtUp, withChange, withLearners } from "../membership-target.ts";
import type { Member, MemberList } from "../types.ts";

/** A learner may lack this many entries of the leader's commit index and still be promoted. */
const promoteMaxLagEntries = 500n;

/** A numbered place for a replica: its addresses and its data directory stay, its member id may not. */
export interface SlotObservation {
  readonly slot: number;
  readonly name: string;
  readonly peerUrl: string;
  readonly clientUrl: string;
  /** false: beyond the wanted number of replicas, to be taken away. */
  readonly wanted: boolean;
  /** What its replica answers about its disk; undefined while it is silent. */
  readonly identity: Identity | undefined;
}

export interface Observation {
  readonly slots: readonly SlotObservation[];
  /** Written before the call that founds the cluster. */
  readonly bootstrap: { readonly clusterId: bigint; readonly memberId: bigint } | undefined;
  /** Written when the founding member has confirmed. */
  readonly clusterId: bigint | undefined;
  /** Voters of the last configuration that was believed. */
  readonly lastVoters: readonly bigint[];
  /** Only a list that was answered linearizably. */
  readonly members: MemberList | undefined;
  /** The leader's, from about the same moment. */
  readonly commitIndex: bigint | undefined;
}

export type Step = { readonly reason: string } & (
  | { readonly type: "latch-bootstrap"; readonly memberId: bigint }
  | {
      readonly type: "bootstrap";
      readonly peerUrl: string;
      readonly clusterId: bigint;
      readonly memberId: bigint;
    }
  | { readonly type: "confirm-cluster"; readonly clusterId: bigint }
  | { readonly type: "note-voters"; readonly voters: readonly bigint[] }
  | {
      readonly type: "change-membership";
      readonly expectedConfigurationIndex: bigint;
      readonly target: readonly TargetMember[];
    }
  | {
      readonly type: "reset";
      readonly peerUrl: string;
      readonly clusterId: bigint;
      readonly memberId: bigint;
      readonly removedIndex: bigint;
    }
  | { readonly type: "retire-slot"; readonly slot: number }
);

export interface Plan {
  /** To be done in this order; at most one of them disrupts. */
  readonly steps: readonly Step[];
  /** What the next step waits for. */
  readonly waiting: string | undefined;
  /** Nothing here can go on by itself: what a person can do. */
  readonly stuck: string | undefined;
  /** Every wanted slot holds a voter and nothing is left to do. */
  readonly settled: boolean;
}

const steps = (...all: Step[]): Plan => ({
  steps: all,
  waiting: undefined,
  stuck: undefined,
  settled: false,
});
const waiting = (text: string): Plan => ({ steps: [], waiting: text, stuck: undefined, settled: false });
const stuck = (text: string): Plan => ({ steps: [], waiting: undefined, stuck: text, settled: false });

/**
 * The next safe steps that bring the replicas in their slots to one cluster with a voter in each wanted
 * slot. A function of what was observed and nothing else; each step may be done twice, or not at all, and
 * the next observation tells. A cluster is founded once, by one member, and only after every slot has
 * answered that its disk is blank.
 */
export function plan(observed: Observation): Plan {
  const claims = new Set<bigint>();
  for (const { identity } of observed.slots) {
    if (identity !== undefined && identity.clusterId !== 0n) claims.add(identity.clusterId);
  }
  const known = observed.clusterId ?? observed.bootstrap?.clusterId;
  if (known !== undefined) claims.add(known);
  if (claims.size > 1) {
    const ids = [...claims].map(idText).join(" and ");
    return stuck(`the data directories belong to different clusters (${ids}): nothing is touched`);
  }
  if (observed.clusterId === undefined) return planFounding(observed, claims);
  if (observed.members === undefined) return planWithoutQuorum(observed, observed.clusterId);
  return planMembership(observed, observed.members, observed.clusterId);
}

function planFounding(observed: Observation, claims: ReadonlySet<bigint>): Plan {
  const { bootstrap, slots } = observed;
  if (bootstrap === undefined) {
    const [claimed] = claims;
    if (claimed !== undefined) {
      const reason = "the disks belong to a cluster that is not noted here";
      return steps({ type: "confirm-cluster", clusterId: claimed, reason });
    }
    const silent = slots.filter(({ wanted, identity }) => wanted && identity === undefined);
    if (silent.length > 0) return waiting(`${namesOf(silent)} to answer that its disk is blank`);
    const founder = slots.find(({ wanted }) => wanted);
    if (founder?.identity === undefined) return stuck("no replica is wanted");
    const reason = "every replica has answered that its disk is blank";
    return steps({ type: "latch-bootstrap", memberId: founder.identity.memberId, reason });
  }
  const founder = slots.find(({ identity }) => identity?.memberId === bootstrap.memberId);
  if (founder?.identity?.clusterId === bootstrap.clusterId) {
    const reason = `${founder.name} has founded the cluster`;
    return steps({ type: "confirm-cluster", clusterId: bootstrap.clusterId, reason });
  }
  if (founder !== undefined) {
    const { peerUrl, name } = founder;
    return steps({
      type: "bootstrap",
      peerUrl,
      ...bootstrap,
      reason: `${name} was chosen to found the cluster`,
    });
  }
  const silent = slots.filter(({ identity }) => identity === undefined);
  if (silent.length > 0)
    return waiting(`${namesOf(silent)} to answer: one of them was chosen to found the cluster`);
  const message = `the data of the member that was chosen to found the cluster (${idText(bootstrap.memberId)}) is gone`;
  return stuck(`${message}: put it back, or start anew with "rstore local wipe"`);
}

/** No majority answers: nothing but waiting is safe. Says whether waiting can help. */
function planWithoutQuorum(observed: Observation, clusterId: bigint): Plan {
  const { slots, lastVoters } = observed;
  if (slots.some(({ identity }) => identity === undefined))
    return waiting("a majority of the voters to answer");
  const present = new Set(
    slots.flatMap(({ identity }) => (identity?.clusterId === clusterId ? [identity.memberId] : [])),
  );
  const lost = lastVoters.filter((id) => !present.has(id));
  if (lost.length === 0 || lost.length * 2 < lastVoters.length) {
    return waiting("the voters to elect a leader");
  }
  const message = `the data of ${lost.length} of ${lastVoters.length} voters is gone (${lost.map(idText).join(", ")}), so no majority is left`;
  return stuck(`${message}: put the deleted directories back, or start anew with "rstore local wipe"`);
}

function planMembership(observed: Observation, list: MemberList, clusterId: bigint): Plan {
  if (list.joint || !list.committed) return waiting("the change of membership under way to end");
  const voters = list.members.filter(({ kind }) => kind === "voter").map(({ id }) => id);
  if (!sameIds(voters, observed.lastVoters)) {
    return steps({ type: "note-voters", voters, reason: "the configuration has changed" });
  }
  const byId = new Map(list.members.map((member) => [member.id, member]));
  for (const { name, peerUrl, wanted, identity } of observed.slots) {
    if (!wanted || identity === undefined || identity.clusterId === 0n) continue;
    if (byId.has(identity.memberId) && !identity.removed) continue;
    const { memberId } = identity;
    // It may be a member that the list is too old to know; its own word, or the list's index, must be newer.
    const removedIndex = identity.removed ? identity.removedIndex : list.configurationIndex;
    const reason = `the member on the disk of ${name} was removed from the cluster`;
    return steps({ type: "reset", peerUrl, clusterId, memberId, removedIndex, reason });
  }
  return planChange(observed, list, byId) ?? planRetirement(observed, byId);
}

/** Newcomers as learners; then, caught up, one joint change that promotes them and removes whom they replace. */
function planChange(
  observed: Observation,
  list: MemberList,
  byId: ReadonlyMap<bigint, Member>,
): Plan | undefined {
  const blank = observed.slots.filter(
    ({ wanted, identity }) => wanted && identity?.clusterId === 0n && !byId.has(identity.memberId),
  );
  if (blank.length > 0) {
    const newcomers = blank.map(({ name, peerUrl, clientUrl, identity }) => ({
      id: identity!.memberId,
      name,
      peerUrl,
      clientUrl,
    }));
    return steps({
      type: "change-membership",
      expectedConfigurationIndex: list.configurationIndex,
      target: withLearners(list, newcomers),
      reason: `to join as learner: ${namesOf(blank)}`,
    });
  }
  const { promote, remove } = plannedChange(observed.slots, list);
  if (promote.size === 0 && remove.size === 0) return undefined;
  const lag = (observed.commitIndex ?? 0n) - promoteMaxLagEntries;
  if (observed.commitIndex === undefined || !caughtUp(list, promote, lag)) {
    return waiting("the learners to catch up");
  }
  const target = withChange(list, { promote, remove });
  const answering = new Set(observed.slots.map(({ identity }) => identity?.memberId));
  const voters = target.filter(({ kind }) => kind === "voter");
  const live = voters.filter(({ id }) => answering.has(id));
  if (live.length * 2 <= voters.length) {
    return waiting("a majority of the voters that would be left to be up");
  }
  return steps({
    type: "change-membership",
    expectedConfigurationIndex: list.configurationIndex,
    target,
    reason: changeReason(promote.size, remove.size),
  });
}

/** Members elsewhere, which a person added, are left alone. */
function plannedChange(
  slots: readonly SlotObservation[],
  list: MemberList,
): { readonly promote: Set<bigint>; readonly remove: Set<bigint> } {
  const promote = new Set<bigint>();
  const remove = new Set<bigint>();
  for (const { wanted, identity, peerUrl } of slots) {
    for (const { id, kind, peerUrl: memberUrl } of list.members) {
      if (memberUrl !== peerUrl) continue;
      // Silent, a slot's member may be the one it had: only another answer in its place shows that it is gone.
      const replaced = identity !== undefined && identity.memberId !== id;
      if (!wanted || replaced) remove.add(id);
      else if (kind === "learner" && identity?.memberId === id) promote.add(id);
    }
  }
  return { promote, remove };
}

function changeReason(promoted: number, removed: number): string {
  const parts = [
    ...(promoted > 0 ? [`${promoted} caught up`] : []),
    ...(removed > 0 ? [`${removed} replaced or not wanted any more`] : []),
  ];
  return `${parts.join(", ")}: one joint change`;
}

function planRetirement(observed: Observation, byId: ReadonlyMap<bigint, Member>): Plan {
  const unwanted = observed.slots.filter(({ wanted }) => !wanted);
  if (unwanted.length > 0) {
    return steps(
      ...unwanted.map(({ slot, name }) => ({
        type: "retire-slot" as const,
        slot,
        reason: `${name} is no member any more`,
      })),
    );
  }
  const missing = observed.slots.filter(({ peerUrl }) => {
    const members = [...byId.values()].filter((member) => member.peerUrl === peerUrl);
    return !members.some(({ kind }) => kind === "voter");
  });
  if (missing.length > 0) return waiting(`${namesOf(missing)} to answer`);
  return { steps: [], waiting: undefined, stuck: undefined, settled: true };
}

function sameIds(a: readonly bigint[], b: readonly bigint[]): boolean {
  const known = new Set(b);
  return a.length === b.length && a.every((id) => known.has(id));
}

function namesOf(slots: readonly { readonly name: string }[]): string {
  return slots.map(({ name }) => name).join(", ");
}

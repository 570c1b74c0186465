import type { ListMembersResponse } from "@rstore/proto/rstore/v1/cluster";
import { MemberKind as WireKind } from "@rstore/proto/rstore/v1/cluster";
import { Role, type StatusResponse } from "@rstore/proto/rstore/v1/maintenance";
import type { Configuration, ConfiguredMember, MemberKind, Report } from "../plan/observation.ts";
import { idFromWire } from "./member-id.ts";
import { type ReplicaAddress, ReplicaClient, type TargetMember } from "./replica-client.ts";
import { ReplicaCallError } from "./replica-error.ts";

/** What a replica that answers says of itself; undefined: it is silent. */
export type Answer = Exclude<Report, { readonly kind: "silent" | "damaged" }>;

/** Who should be found at an address: a replica tells both as it was configured, with any disk. */
export type ExpectedMember = Pick<TargetMember, "name" | "peerUrl">;

export interface ObservedReplica {
  readonly answer: Answer | undefined;
  /** Another member answers there, who is this. */
  readonly stranger?: ExpectedMember;
  /** undefined: blank, removed, silent. */
  readonly status: StatusResponse | undefined;
}

/** A learner or follower that lacks fewer entries than this counts as caught up. */
const caughtUpLagEntries = 500n;

/**
 * Asks one replica who it is. Never rejects: what does not answer is silent; and so is whoever has its address by now,
 * since addresses are given out again.
 */
export async function observeReplica(
  address: ReplicaAddress,
  expected: ExpectedMember,
): Promise<ObservedReplica> {
  const replica = new ReplicaClient(address);
  const identity = await answered(replica.identity());
  if (identity === undefined) return { answer: undefined, status: undefined };
  const { name, peerUrl } = identity;
  if (name !== expected.name || peerUrl !== expected.peerUrl)
    return { answer: undefined, status: undefined, stranger: { name, peerUrl } };
  const memberId = idFromWire(identity.memberId);
  if (identity.clusterId === 0n) return { answer: { kind: "blank", memberId }, status: undefined };
  const clusterId = idFromWire(identity.clusterId);
  if (identity.removed) {
    const { removedIndex } = identity;
    return { answer: { kind: "removed", memberId, clusterId, removedIndex }, status: undefined };
  }
  const status = await answered(replica.status());
  const leaderless = status === undefined || status.header?.leaderId === 0n;
  const { incarnation } = identity;
  const refused = status?.diskRefused === true;
  return { answer: { kind: "member", memberId, clusterId, incarnation, leaderless, refused }, status };
}

/**
 * The configuration as the leader answers it linearizably; undefined when nobody does. Whom to ask first is
 * told by what the replicas said of themselves; being wrong costs time only.
 */
export async function observeConfiguration(
  replicas: readonly (ObservedReplica & { readonly address: ReplicaAddress })[],
  slotOfName: (name: string) => number | undefined,
): Promise<Configuration | undefined> {
  const term = ({ status }: ObservedReplica) => status?.header?.term ?? 0n;
  const leaders = replicas
    .filter(({ status }) => status?.role === Role.LEADER)
    .sort((a, b) => (term(a) < term(b) ? 1 : -1));
  for (const leader of leaders) {
    const list = await answered(new ReplicaClient(leader.address).listMembers());
    // Without progress it was not the leader that answered: nobody is known to have caught up.
    if (list === undefined || list.progress.length === 0) continue;
    return configurationFrom(list, leader.status!.commitIndex, slotOfName);
  }
  return undefined;
}

function configurationFrom(
  list: ListMembersResponse,
  commitIndex: bigint,
  slotOfName: (name: string) => number | undefined,
): Configuration {
  const progress = new Map(list.progress.map((of) => [of.memberId, of]));
  const leader = list.header?.leaderId ?? 0n;
  const members = list.members.map(({ id, name, kind }): ConfiguredMember => {
    const of = progress.get(id);
    const active = id === leader || of?.active === true;
    const caughtUp =
      id === leader || (of !== undefined && active && of.matchIndex + caughtUpLagEntries >= commitIndex);
    return { id: idFromWire(id), name, slot: slotOfName(name), kind: kindOf(kind), active, caughtUp };
  });
  return {
    term: list.header?.term ?? 0n,
    index: list.configurationIndex,
    joint: list.joint,
    committed: list.committed,
    leader: leader === 0n ? undefined : idFromWire(leader),
    members,
  };
}

function kindOf(kind: WireKind): MemberKind {
  if (kind === WireKind.LEARNER) return "learner";
  return kind === WireKind.OUTGOING ? "outgoing" : "voter";
}

async function answered<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof ReplicaCallError) return undefined;
    throw error;
  }
}

import type { Configuration, ConfiguredMember, MemberKind } from "@rstore/operator/plan/observation";
import type { Identity, MemberListing, ReplicaStatus } from "@rstore/replica/runtime/replica-api";
import type { ReplicaCaller } from "./replica-caller.ts";
import type { SlotObjects } from "./types.ts";

const ASK_TIMEOUT_MS = 400;
/** A learner or follower that lacks fewer entries than this counts as caught up. */
const CAUGHT_UP_LAG = 10n;

export interface Observed {
  readonly slot: SlotObjects;
  /** undefined: it is silent. */
  readonly identity: Identity | undefined;
  readonly status: ReplicaStatus | undefined;
  readonly isLeaderless: boolean;
  readonly term: bigint;
}

/** Asks the replica that was seen in a slot who it is; as operator/src/member does. */
export async function observeReplica(caller: ReplicaCaller, slot: SlotObjects): Promise<Observed> {
  const silent = { slot, identity: undefined, status: undefined, isLeaderless: true, term: 0n };
  if (slot.replica === undefined) return silent;
  const to = { slot: slot.index, podUid: slot.replica.uid };
  const identity = await answered(caller.call(to, ASK_TIMEOUT_MS, async (replica) => replica.identity()));
  if (identity === undefined) return silent;
  if (identity.clusterId === 0n || identity.removedIndex !== undefined) return { ...silent, identity };
  const status = await answered(
    caller.call(to, ASK_TIMEOUT_MS, async (replica) => ({
      status: replica.status(),
      state: replica.answerState(),
    })),
  );
  if (status === undefined) return { ...silent, identity };
  const { leaderId, term } = status.state;
  return { slot, identity, status: status.status, isLeaderless: leaderId === 0n, term };
}

/** The configuration as a leader answers it linearizably; undefined when nobody does. */
export async function observeConfiguration(
  caller: ReplicaCaller,
  replicas: readonly Observed[],
  slotOfName: (name: string) => number | undefined,
): Promise<Configuration | undefined> {
  const leaders = replicas
    .filter(({ status }) => status?.role === "leader")
    .sort((a, b) => (a.term < b.term ? 1 : -1));
  for (const { slot, status } of leaders) {
    const to = { slot: slot.index, podUid: slot.replica!.uid };
    const answer = await answered(
      caller.call(to, ASK_TIMEOUT_MS, async (replica, options) => {
        const list = await replica.listMembers({ ...options, consistency: "linearizable", minRevision: 0n });
        return { list, ...replica.answerState() };
      }),
    );
    // Without progress it was not the leader that answered: nobody is known to have caught up.
    if (answer === undefined || answer.list.progress.length === 0) continue;
    return configurationFrom(answer, status!.commitIndex, slotOfName);
  }
  return undefined;
}

function configurationFrom(
  answer: { readonly list: MemberListing; readonly leaderId: bigint; readonly term: bigint },
  commitIndex: bigint,
  slotOfName: (name: string) => number | undefined,
): Configuration {
  const { list, leaderId: leader, term } = answer;
  const progress = new Map(list.progress.map((of) => [of.memberId, of]));
  const members = list.members.map(({ id, name, kind }): ConfiguredMember => {
    const of = progress.get(id);
    const active = id === leader || of?.active === true;
    const caughtUp =
      id === leader || (of !== undefined && active && of.matchIndex + CAUGHT_UP_LAG >= commitIndex);
    return { id: idText(id), name, slot: slotOfName(name), kind: kind as MemberKind, active, caughtUp };
  });
  return {
    term,
    index: list.configurationIndex,
    joint: list.joint,
    committed: list.committed,
    leader: leader === 0n ? undefined : idText(leader),
    members,
  };
}

/** As resources print ids: 16 hexadecimal digits. */
export function idText(id: bigint): string {
  return id.toString(16).padStart(16, "0");
}

export function idFromText(id: string): bigint {
  return BigInt(`0x${id}`);
}

async function answered<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch {
    return undefined;
  }
}

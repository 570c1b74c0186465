import type { Status } from "../raft/status.ts";
import type { Identity, MemberRecord, ReplicaStatus } from "../runtime/replica-api.ts";
import type { PeerStats } from "../transport/types.ts";
import type { ConsoleConfiguration, ConsoleMember, MemberProgress, MemberReport } from "./console-state.ts";
import type { Observation } from "./peer-observer.ts";

/** What the replica says of itself when it is asked. */
export interface ConsoleReading {
  readonly identity: Identity;
  readonly status: ReplicaStatus;
  /** Why it does not serve. */
  readonly notReady: readonly string[];
  readonly revision: bigint;
  readonly proposalsPending: number;
  /** The rest: undefined and empty when it is no member of a cluster. */
  readonly raft: Status | undefined;
  readonly records: readonly MemberRecord[];
  readonly peers: readonly PeerStats[];
}

export function idText(id: bigint): string {
  return id.toString(16).padStart(16, "0");
}

/** null: none. */
export function leaderText(id: bigint): string | null {
  return id === 0n ? null : idText(id);
}

/** What a member says of itself, in the shape in which all of them are shown. */
export function memberReport(status: ReplicaStatus, term: bigint, leaderId: bigint): MemberReport {
  return {
    role: status.role,
    leaderId: leaderText(leaderId),
    term: Number(term),
    lastIndex: Number(status.lastIndex),
    commitIndex: Number(status.commitIndex),
    appliedIndex: Number(status.appliedIndex),
    storeBytesUsed: status.storeBytesUsed,
    storeBytesQuota: status.storeBytesQuota,
    logBytesUsed: status.logBytesUsed,
    diskBytesAvailable: status.diskBytesAvailable,
    version: status.version,
    problems: status.problems,
  };
}

export function consoleConfiguration(
  { configuration: indexed, joint, configurationCommitted, transferTarget }: Status,
  sinceMs: number,
): ConsoleConfiguration {
  const { voters, outgoing, learners, learnersNext } = indexed.configuration;
  return {
    index: Number(indexed.index),
    committed: configurationCommitted,
    joint,
    voters: voters.map(idText),
    outgoing: outgoing.map(idText),
    learners: learners.map(idText),
    learnersNext: learnersNext.map(idText),
    sinceMs,
    transferTarget: transferTarget === undefined ? null : idText(transferTarget),
  };
}

/** All members of the configuration in force, and those that have just left it, in the order of their names. */
export function consoleMembers(
  reading: ConsoleReading,
  observationOf: (id: string) => Observation | undefined,
): ConsoleMember[] {
  const { raft, records, identity } = reading;
  if (raft === undefined) return [];
  const named = new Map(records.map(({ id, name }) => [id, name]));
  const { voters, outgoing, learners } = raft.configuration.configuration;
  const ids = new Set([...voters, ...outgoing, ...learners, ...named.keys()]);
  const members = [...ids].map((id): ConsoleMember => {
    const isSelf = id === identity.memberId;
    const text = idText(id);
    const own = memberReport(reading.status, raft.term, raft.leader);
    const observed = isSelf ? { report: own, silentSinceMs: undefined } : observationOf(text);
    return {
      id: text,
      name: (isSelf ? identity.name : named.get(id)) || text,
      kind: kindOf(raft, id),
      reach: isSelf ? "self" : reachOf(observed),
      silentSinceMs: observed?.silentSinceMs ?? null,
      report: observed?.report ?? null,
      lag: null,
      progress: progressOf(raft, id),
      roundTripMs:
        reading.peers.find(({ memberId, connected }) => connected && memberId === id)?.roundTripMs ?? null,
    };
  });
  const commit = commitOf(members);
  return members
    .map((member) => ({ ...member, lag: lagOf(member, commit) }))
    .sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }) || (a.id < b.id ? -1 : 1));
}

/** The highest commit index that anybody who answers knows. */
export function commitOf(members: readonly ConsoleMember[]): number {
  return Math.max(
    0,
    ...members.map(({ reach, report }) => (reach === "silent" ? 0 : (report?.commitIndex ?? 0))),
  );
}

function lagOf({ report }: ConsoleMember, commit: number): number | null {
  return report === null ? null : Math.max(0, commit - report.appliedIndex);
}

function reachOf(observation: Observation | undefined): ConsoleMember["reach"] {
  if (observation === undefined) return "unasked";
  return observation.silentSinceMs === undefined ? "answers" : "silent";
}

function kindOf(raft: Status, id: bigint): ConsoleMember["kind"] {
  const { voters, outgoing, learners } = raft.configuration.configuration;
  if (voters.includes(id)) return "voter";
  if (outgoing.includes(id)) return "outgoing";
  return learners.includes(id) ? "learner" : "left";
}

function progressOf(raft: Status, id: bigint): MemberProgress | null {
  const known = raft.members.find((member) => member.id === id);
  if (known === undefined) return null;
  return { matchIndex: Number(known.match), state: known.state, active: known.recentActive };
}

import { membersOf } from "../raft/confchange/configuration.ts";
import type { Status } from "../raft/status.ts";
import { type ChangeRefusal, type Configuration, type MemberId, NO_MEMBER } from "../raft/types.ts";
import { type MemberKind, type MemberRecord, ReplicaError, type TargetMember } from "./replica-api.ts";

export function memberKind(configuration: Configuration, id: MemberId): MemberKind {
  if (configuration.voters.includes(id)) return "voter";
  if (configuration.outgoing.includes(id)) return "outgoing";
  return "learner";
}

/**
 * The records that go with a change: the target's, and those of members that leave, so that they can be
 * reached until they know it. What the caller leaves empty stays as it is known.
 */
export function recordsForTarget(
  known: readonly MemberRecord[],
  current: Configuration,
  target: readonly TargetMember[],
  joinedIndex: bigint,
): MemberRecord[] {
  const byId = new Map(known.map((record) => [record.id, record]));
  const staying = membersOf(current);
  const records = target.map((member): MemberRecord => {
    const before = staying.includes(member.id) ? byId.get(member.id) : undefined;
    const record = {
      id: member.id,
      name: member.name || (before?.name ?? ""),
      peerUrl: member.peerUrl || (before?.peerUrl ?? ""),
      clientUrl: member.clientUrl || (before?.clientUrl ?? ""),
      joinedIndex: before?.joinedIndex ?? joinedIndex,
    };
    if (record.peerUrl === "" || record.clientUrl === "") {
      throw new ReplicaError(
        "invalid-argument",
        `members[].peer_url and client_url are needed for new member ${formatId(member.id)}`,
        { detail: { subject: "members" } },
      );
    }
    return record;
  });
  const leaving = known.filter(
    (record) => staying.includes(record.id) && !target.some((member) => member.id === record.id),
  );
  return [...records, ...leaving];
}

/** Of a leader: the voter that answers and has the most complete log; undefined when it is the only one. */
export function bestSuccessor({ id: self, configuration, members }: Status): MemberId | undefined {
  const { voters } = configuration.configuration;
  const ready = members.filter(({ id, recentActive }) => id !== self && recentActive && voters.includes(id));
  ready.sort((a, b) => (a.match < b.match ? 1 : -1));
  return ready[0]?.id;
}

/** A member id as people see it: 16 hexadecimal digits. */
export function formatId(id: MemberId): string {
  return id.toString(16).padStart(16, "0");
}

/** For a write or a change at a member that does not lead. */
export function notLeaderError(leader: MemberId, record: MemberRecord | undefined): ReplicaError {
  if (leader === NO_MEMBER) {
    const message = "no leader is known: a majority of the members may be down or cut off";
    return new ReplicaError("no-leader", message, { outcome: "not-applied" });
  }
  return new ReplicaError("not-leader", `member ${formatId(leader)} leads: ask it`, {
    outcome: "not-applied",
    detail: {
      leaderId: leader,
      leaderClientUrl: record?.clientUrl ?? "",
      leaderPeerUrl: record?.peerUrl ?? "",
    },
  });
}

export function changeRefusalError(refusal: ChangeRefusal): ReplicaError {
  const refused = (
    reason: ReplicaError["reason"],
    message: string,
    detail: ReplicaError["detail"] = {},
  ): ReplicaError => new ReplicaError(reason, message, { outcome: "not-applied", detail });
  switch (refusal.reason) {
    case "not-leader":
      return refused("not-leader", "only the leader changes membership: ask it", {
        leaderId: refusal.leader,
      });
    case "transferring":
      return refused("change-in-progress", "leadership is being transferred: try again in a moment");
    case "index-mismatch":
      return refused(
        "configuration-mismatch",
        `the configuration in force has index ${refusal.index}, not the expected one: list the members and plan anew`,
        { index: refusal.index },
      );
    case "change-in-progress":
      return refused(
        "change-in-progress",
        `the change of membership at index ${refusal.index} is still under way: wait until it is done`,
        { index: refusal.index },
      );
    case "term-not-committed":
      return refused(
        "change-in-progress",
        "the leader is new and has committed nothing yet: try again in a moment",
      );
    case "learner-not-ready":
      return refused(
        "learner-not-ready",
        `member ${formatId(refusal.member)} can't vote yet: it lacks ${refusal.lag} entries or was not heard of lately; add it as a learner first and wait until it has caught up`,
      );
    case "no-live-quorum":
      return refused(
        "quorum-at-risk",
        `the change needs members that are not answering: ${refusal.dead.map(formatId).join(", ")}; bring them back or choose another target`,
      );
    case "invalid":
      return refused("invalid-argument", refusal.message, { subject: "members" });
  }
}

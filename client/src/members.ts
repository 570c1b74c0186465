import {
  type ListMembersResponse,
  type Member as WireMember,
  MemberKind as WireMemberKind,
} from "@rstore/proto/rstore/v1/cluster";
import { type StatusResponse, Role as WireRole } from "@rstore/proto/rstore/v1/maintenance";
import { headerFrom } from "./operations.ts";
import type { MemberKind, MemberList, ReplicaStatus, Role } from "./types.ts";

const kindFromWire: Readonly<Record<WireMemberKind, MemberKind>> = {
  [WireMemberKind.UNSPECIFIED]: "voter",
  [WireMemberKind.VOTER]: "voter",
  [WireMemberKind.LEARNER]: "learner",
  [WireMemberKind.OUTGOING]: "outgoing",
};

const roleFromWire: Readonly<Record<WireRole, Role>> = {
  [WireRole.UNSPECIFIED]: "unknown",
  [WireRole.UNINITIALIZED]: "uninitialized",
  [WireRole.FOLLOWER]: "follower",
  [WireRole.PRE_CANDIDATE]: "pre-candidate",
  [WireRole.CANDIDATE]: "candidate",
  [WireRole.LEADER]: "leader",
  [WireRole.LEARNER]: "learner",
  [WireRole.REMOVED]: "removed",
};

function byName(a: WireMember, b: WireMember): number {
  return a.name.localeCompare(b.name) || (a.id < b.id ? -1 : 1);
}

/** Members are in the order of their names. */
export function memberListFrom(response: ListMembersResponse): MemberList {
  const progress = new Map(response.progress.map((entry) => [entry.memberId, entry]));
  return {
    header: headerFrom(response.header),
    members: response.members.toSorted(byName).map(({ id, name, peerUrl, clientUrl, kind, joinedIndex }) => {
      const known = progress.get(id);
      return {
        id,
        name,
        peerUrl,
        clientUrl,
        kind: kindFromWire[kind] ?? "voter",
        joinedIndex,
        progress:
          known === undefined
            ? undefined
            : { matchIndex: known.matchIndex, active: known.active, state: known.state },
      };
    }),
    configurationIndex: response.configurationIndex,
    joint: response.joint,
    committed: response.committed,
  };
}

export function statusFrom(response: StatusResponse): ReplicaStatus {
  const { $typeName: _typeName, $unknown: _unknown, header, role, ...rest } = response;
  return {
    ...rest,
    header: headerFrom(header),
    leaderClientUrl: header?.leaderClientUrl ?? "",
    role: roleFromWire[role] ?? "unknown",
  };
}

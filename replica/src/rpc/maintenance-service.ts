import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import {
  type HashRequest,
  type HashResponseSchema,
  MaintenanceService,
  Role,
  type StatusResponseSchema,
} from "@rstore/proto/rstore/v1/maintenance";
import type { ReplicaApi, ReplicaStatus } from "../runtime/replica-api.ts";
import { answerCall, type ServiceOptions } from "./call-context.ts";
import { headerFromState, revisionFromWire } from "./convert.ts";

const wireRoles: Record<ReplicaStatus["role"], Role> = {
  uninitialized: Role.UNINITIALIZED,
  follower: Role.FOLLOWER,
  "pre-candidate": Role.PRE_CANDIDATE,
  candidate: Role.CANDIDATE,
  leader: Role.LEADER,
  learner: Role.LEARNER,
  removed: Role.REMOVED,
};

export function roleFromWire(role: Role): ReplicaStatus["role"] | "unknown" {
  const roles = Object.keys(wireRoles) as ReplicaStatus["role"][];
  return roles.find((name) => wireRoles[name] === role) ?? "unknown";
}

export function maintenanceRoutes(api: ReplicaApi, options: ServiceOptions): (router: ConnectRouter) => void {
  return (router) => {
    router.service(MaintenanceService, {
      status: (_request, context) => answerCall(context, options, () => statusResponse(api)),
      hash: (request, context) =>
        answerCall(context, options, (deadlineMs) => hashResponse(api, request, deadlineMs)),
    });
  };
}

function statusResponse(api: ReplicaApi): MessageInitShape<typeof StatusResponseSchema> {
  const status = api.status();
  return {
    header: headerFromState(api.answerState()),
    version: status.version,
    name: api.identity().name,
    role: wireRoles[status.role],
    firstIndex: status.firstIndex,
    lastIndex: status.lastIndex,
    commitIndex: status.commitIndex,
    appliedIndex: status.appliedIndex,
    durableAppliedIndex: status.durableAppliedIndex,
    configurationIndex: status.configurationIndex,
    joint: status.joint,
    compactedRevision: status.compactedRevision,
    totalKeys: BigInt(status.totalKeys),
    storeBytesUsed: BigInt(status.storeBytesUsed),
    storeBytesQuota: BigInt(status.storeBytesQuota),
    logBytesUsed: BigInt(status.logBytesUsed),
    diskBytesAvailable: BigInt(status.diskBytesAvailable),
    problems: [...status.problems],
    diskRefused: status.diskRefused,
  };
}

async function hashResponse(
  api: ReplicaApi,
  request: HashRequest,
  deadlineMs: number,
): Promise<MessageInitShape<typeof HashResponseSchema>> {
  const answer = await api.hash(revisionFromWire(request.revision), { deadlineMs });
  return { header: headerFromState(api.answerState()), ...answer };
}

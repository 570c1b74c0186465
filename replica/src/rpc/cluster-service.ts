import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import {
  ClusterService,
  type ListMembersRequest,
  type ListMembersResponseSchema,
  MemberKind as WireMemberKind,
} from "@rstore/proto/rstore/v1/cluster";
import type { MemberKind, ReplicaApi } from "../runtime/replica-api.ts";
import { answerCall, type ServiceOptions } from "./call-context.ts";
import { headerFromState, readOptionsFromRequest } from "./convert.ts";
import { checkConsistency } from "./validate-request.ts";

const wireKinds: Record<MemberKind, WireMemberKind> = {
  voter: WireMemberKind.VOTER,
  learner: WireMemberKind.LEARNER,
  outgoing: WireMemberKind.OUTGOING,
};

export function clusterRoutes(api: ReplicaApi, options: ServiceOptions): (router: ConnectRouter) => void {
  return (router) => {
    router.service(ClusterService, {
      listMembers: (request, context) =>
        answerCall(context, options, (deadlineMs) => listMembersResponse(api, request, deadlineMs)),
    });
  };
}

async function listMembersResponse(
  api: ReplicaApi,
  { consistency }: ListMembersRequest,
  deadlineMs: number,
): Promise<MessageInitShape<typeof ListMembersResponseSchema>> {
  const problem = checkConsistency(consistency);
  if (problem) throw problem;
  const listing = await api.listMembers(
    readOptionsFromRequest({ consistency, minRevision: 0n }, { deadlineMs }),
  );
  const { configurationIndex, joint, committed } = listing;
  return {
    header: headerFromState(api.answerState()),
    members: listing.members.map((member) => ({ ...member, kind: wireKinds[member.kind] })),
    configurationIndex,
    joint,
    committed,
    progress: listing.progress.map((progress) => ({ ...progress })),
  };
}

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import { MemberKind as WireMemberKind } from "@rstore/proto/rstore/v1/cluster";
import {
  type BootstrapRequest,
  type ChangeMembershipRequest,
  type GetIdentityResponseSchema,
  MembershipService,
  type ResetRequest,
  type TargetMember as TargetMemberMessage,
} from "@rstore/proto/rstore/v1/membership";
import { formatId } from "../runtime/membership.ts";
import type { ReplicaApi, TargetMember } from "../runtime/replica-api.ts";
import { answerCall, type ServiceOptions } from "./call-context.ts";
import { headerFromState } from "./convert.ts";
import { invalidField } from "./validate-request.ts";

const membersMax = 64;
const nameMaxBytes = 128;
const urlMaxBytes = 2048;

/**
 * MembershipService, for the peer port. A change of membership waits for learners and for two configurations to
 * be committed, so without a deadline of its caller it is given the longest one.
 */
export function membershipRoutes(api: ReplicaApi, options: ServiceOptions): (router: ConnectRouter) => void {
  const { limits } = options;
  const patient = { ...options, limits: { ...limits, defaultTimeoutMs: limits.maxTimeoutMs } };
  return (router) => {
    router.service(MembershipService, {
      getIdentity: (_request, context) => answerCall(context, options, () => identityResponse(api)),
      bootstrap: (request, context) =>
        answerCall(context, options, () => {
          checkBootstrap(request);
          return api.bootstrap(request.clusterId, request.memberId);
        }),
      changeMembership: (request, context) =>
        answerCall(context, patient, async (deadlineMs) => {
          const target = targetFromRequest(request);
          const expected = request.expectedConfigurationIndex;
          const { configurationIndex } = await api.changeMembership(expected, target, { deadlineMs });
          return { header: headerFromState(api.answerState()), configurationIndex };
        }),
      transferLeadership: (request, context) =>
        answerCall(context, options, (deadlineMs) =>
          api.transferLeadership(request.targetId, { deadlineMs }),
        ),
      reset: (request, context) =>
        answerCall(context, options, () => {
          checkReset(request);
          return api.reset(request.clusterId, request.memberId, request.removedIndex);
        }),
    });
  };
}

function identityResponse(api: ReplicaApi): MessageInitShape<typeof GetIdentityResponseSchema> {
  const { removedIndex, ...identity } = api.identity();
  return {
    ...identity,
    removed: removedIndex !== undefined,
    removedIndex: removedIndex ?? 0n,
    version: api.status().version,
  };
}

function checkBootstrap(request: BootstrapRequest): void {
  if (request.clusterId === 0n) throw invalidField("cluster_id", "must not be 0");
  if (request.memberId === 0n) throw invalidField("member_id", "must not be 0");
}

function checkReset(request: ResetRequest): void {
  if (request.clusterId === 0n) throw invalidField("cluster_id", "must not be 0");
  if (request.memberId === 0n) throw invalidField("member_id", "must not be 0");
}

function targetFromRequest(request: ChangeMembershipRequest): TargetMember[] {
  const { members } = request;
  if (members.length > membersMax) {
    throw invalidField("members", `has ${members.length} members; the most are ${membersMax}`, membersMax);
  }
  const target = members.map(targetMember);
  if (new Set(target.map((member) => member.id)).size < target.length) {
    throw invalidField("members", "names a member twice");
  }
  if (!target.some((member) => member.kind === "voter")) {
    throw invalidField("members", "must hold at least one voter: a cluster cannot lose its last one");
  }
  return target;
}

function targetMember(member: TargetMemberMessage): TargetMember {
  const { id, name, peerUrl, clientUrl } = member;
  if (id === 0n) throw invalidField("members.id", "must not be 0");
  const where = `of member ${formatId(id)}`;
  if (Buffer.byteLength(name) > nameMaxBytes) {
    throw invalidField("members.name", `${where} has more than ${nameMaxBytes} bytes`, nameMaxBytes);
  }
  checkUrl("members.peer_url", where, peerUrl);
  checkUrl("members.client_url", where, clientUrl);
  return { id, name, peerUrl, clientUrl, kind: targetKind(member.kind, where) };
}

function targetKind(kind: WireMemberKind, where: string): TargetMember["kind"] {
  if (kind === WireMemberKind.VOTER) return "voter";
  if (kind === WireMemberKind.LEARNER) return "learner";
  throw invalidField("members.kind", `${where} must be VOTER or LEARNER`);
}

/** Empty keeps what is known of a member. */
function checkUrl(field: string, where: string, url: string): void {
  if (url === "") return;
  if (url.length > urlMaxBytes) {
    throw invalidField(field, `${where} has more than ${urlMaxBytes} bytes`, urlMaxBytes);
  }
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? "")) {
    throw invalidField(field, `${where} must be an http:// or https:// URL`);
  }
}

import { Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { MemberKind } from "@rstore/proto/rstore/v1/cluster";
import { ErrorDetailSchema, Reason } from "@rstore/proto/rstore/v1/kv";
import { MembershipService } from "@rstore/proto/rstore/v1/membership";
import { beforeEach, describe, expect, it } from "vitest";
import { ReplicaError } from "../runtime/replica-api.ts";
import { FakeReplica, testLimits } from "./fake-replica.ts";
import { membershipRoutes } from "./membership-service.ts";

let api: FakeReplica;
beforeEach(() => {
  api = new FakeReplica();
});
const client = () =>
  createClient(MembershipService, createRouterTransport(membershipRoutes(api, { limits: testLimits })));
const voter = { id: 1n, peerUrl: "http://a:1", clientUrl: "http://a:2", kind: MemberKind.VOTER };

async function failure(promise: Promise<unknown>): Promise<ConnectError> {
  return ConnectError.from(await promise.catch((thrown: unknown) => thrown));
}

describe("MembershipService", () => {
  it("says who the replica is", async () => {
    expect(await client().getIdentity({})).toMatchObject({
      memberId: 0xa1n,
      clusterId: 0xc1n,
      name: "fake",
      incarnation: 1n,
      removed: false,
      version: "0.0.0-test",
    });
    const identity = { ...api.identity(), removedIndex: 0n };
    api.identity = () => identity;
    expect(await client().getIdentity({})).toMatchObject({ removed: true, removedIndex: 0n });
  });

  it("passes a target configuration on, with its expected index", async () => {
    const learner = { id: 2n, name: "b", kind: MemberKind.LEARNER };
    const request = { expectedConfigurationIndex: 5n, members: [voter, learner] };
    expect((await client().changeMembership(request)).configurationIndex).toBe(6n);
    expect(api.calls[0]?.options).toMatchObject({
      expectedIndex: 5n,
      target: [
        { id: 1n, name: "", peerUrl: "http://a:1", clientUrl: "http://a:2", kind: "voter" },
        { id: 2n, name: "b", peerUrl: "", clientUrl: "", kind: "learner" },
      ],
    });
  });

  it("gives a change of membership the longest deadline when the caller names none", async () => {
    const beforeMs = performance.now();
    await client().changeMembership({ members: [voter] });
    const { deadlineMs } = api.calls[0]!.options as { deadlineMs: number };
    expect(deadlineMs).toBeGreaterThanOrEqual(beforeMs + testLimits.maxTimeoutMs);
  });

  it.each([
    ["no voter", [{ ...voter, kind: MemberKind.LEARNER }], "members"],
    ["nobody", [], "members"],
    ["a member twice", [voter, voter], "members"],
    ["id 0", [{ ...voter, id: 0n }], "members.id"],
    ["a leaving member", [{ ...voter, kind: MemberKind.OUTGOING }], "members.kind"],
    ["no kind", [{ ...voter, kind: MemberKind.UNSPECIFIED }], "members.kind"],
    ["a URL that is none", [{ ...voter, peerUrl: "a:1" }], "members.peer_url"],
    ["a long name", [{ ...voter, name: "x".repeat(129) }], "members.name"],
    ["too many", Array.from({ length: 65 }, (_, i) => ({ ...voter, id: BigInt(i + 1) })), "members"],
  ])("refuses a target with %s", async (_name, members, subject) => {
    const error = await failure(client().changeMembership({ members }));
    expect(error.code).toBe(Code.InvalidArgument);
    expect(error.findDetails(ErrorDetailSchema)).toMatchObject([{ subject }]);
    expect(api.calls).toEqual([]);
  });

  it("refuses ids of 0 for founding and resetting", async () => {
    expect((await failure(client().bootstrap({ memberId: 1n }))).code).toBe(Code.InvalidArgument);
    expect((await failure(client().bootstrap({ clusterId: 1n }))).code).toBe(Code.InvalidArgument);
    expect((await failure(client().reset({ clusterId: 1n }))).code).toBe(Code.InvalidArgument);
    expect((await failure(client().reset({ memberId: 1n }))).code).toBe(Code.InvalidArgument);
    expect(api.calls).toEqual([]);
  });

  it("founds, hands over and resets", async () => {
    expect((await client().bootstrap({ clusterId: 3n, memberId: 4n })).configurationIndex).toBe(1n);
    expect(await client().transferLeadership({ targetId: 9n })).toMatchObject({ leaderId: 9n, term: 8n });
    expect((await client().reset({ clusterId: 3n, memberId: 4n, removedIndex: 7n })).memberId).toBe(0xb2n);
    expect(api.calls.map(({ name }) => name)).toEqual(["bootstrap", "transferLeadership", "reset"]);
    expect(api.calls[2]?.options).toEqual({ clusterId: 3n, memberId: 4n, removedIndex: 7n });
  });

  it("says which configuration is in force when another was expected", async () => {
    api.before = () => {
      throw new ReplicaError("configuration-mismatch", "plan again", { detail: { index: 12n } });
    };
    const error = await failure(client().changeMembership({ members: [voter] }));
    expect(error.code).toBe(Code.Aborted);
    const detail = { reason: Reason.CONFIGURATION_MISMATCH, index: 12n };
    expect(error.findDetails(ErrorDetailSchema)).toMatchObject([detail]);
  });
});

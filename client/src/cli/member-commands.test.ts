import { create } from "@bufbuild/protobuf";
import { MemberKind } from "@rstore/proto/rstore/v1/cluster";
import { Outcome, Reason } from "@rstore/proto/rstore/v1/kv";
import { type ChangeMembershipRequest, GetIdentityResponseSchema } from "@rstore/proto/rstore/v1/membership";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runCli } from "../testing/cli-run.ts";
import { FakeReplica, wireError } from "../testing/fake-replica.ts";

interface FakeMember {
  readonly id: bigint;
  readonly name: string;
  readonly peerUrl: string;
  readonly clientUrl: string;
  readonly kind: MemberKind;
}

let leader: FakeReplica;
let newcomer: FakeReplica;
let members: FakeMember[];
let index: bigint;
let changes: ChangeMembershipRequest[];
let caughtUpAfterLists: number;

beforeEach(async () => {
  [leader, newcomer] = [await new FakeReplica().start(), await new FakeReplica().start()];
  leader.leaderClientUrl = leader.url;
  members = [voter(1n, "a", leader.url), voter(2n, "b", "http://b:1"), voter(3n, "c", "http://c:1")];
  index = 10n;
  changes = [];
  caughtUpAfterLists = 0;
  leader.hooks = {
    maintenance: { status: () => ({ header: leader.header(), commitIndex: 50n }) },
    cluster: {
      listMembers: () => ({
        header: leader.header(),
        members,
        configurationIndex: index,
        committed: true,
        progress: members.map(({ id, kind }) => ({
          memberId: id,
          active: true,
          state: "replicate",
          matchIndex: kind === MemberKind.LEARNER && caughtUpAfterLists-- > 0 ? 3n : 50n,
        })),
      }),
    },
    membership: {
      changeMembership: (request) => {
        if (request.expectedConfigurationIndex !== index) {
          throw wireError(Reason.CONFIGURATION_MISMATCH, Outcome.NOT_APPLIED, { index });
        }
        changes.push(request);
        members = request.members.map((member) => ({ ...member }));
        index++;
        return { configurationIndex: index };
      },
      transferLeadership: ({ targetId }) => ({ leaderId: targetId || 2n, term: 9n }),
    },
  };
  newcomer.hooks = { membership: { getIdentity: () => identity({}) } };
});

afterEach(async () => {
  await leader.stop();
  await newcomer.stop();
});

function voter(id: bigint, name: string, peerUrl: string): FakeMember {
  return { id, name, peerUrl, clientUrl: peerUrl, kind: MemberKind.VOTER };
}

function identity(fields: { clusterId?: bigint; removed?: boolean; removedIndex?: bigint }) {
  return create(GetIdentityResponseSchema, {
    memberId: 4n,
    name: "d",
    peerUrl: newcomer.url,
    clientUrl: "http://d:1",
    ...fields,
  });
}

function rstore(...argv: string[]) {
  return runCli(["--endpoints", leader.url, "--timeout", "2s", ...argv]);
}

const shapes = () =>
  changes.map((change) =>
    change.members.map(({ name, kind }) => `${name}:${MemberKind[kind].toLowerCase()}`),
  );

test("add: learner, caught up, voter; each change with the index that it was planned with", async () => {
  caughtUpAfterLists = 3;
  const added = await rstore("member", "add", "--peer-url", newcomer.url, "-o", "json");
  expect(added.code).toBe(0);
  expect(changes.map((change) => change.expectedConfigurationIndex)).toEqual([10n, 11n]);
  expect(shapes()).toEqual([
    ["a:voter", "b:voter", "c:voter", "d:learner"],
    ["a:voter", "b:voter", "c:voter", "d:voter"],
  ]);
  expect(caughtUpAfterLists).toBeLessThan(0);
  expect(added.stderr).toContain("waiting until d has caught up");
  const list = JSON.parse(added.stdout);
  expect(list.members.at(-1)).toMatchObject({ id: "0000000000000004", name: "d", clientUrl: "http://d:1" });
});

test("add is repeated safely: a learner from an interrupted addition is only promoted", async () => {
  members.push({ ...voter(4n, "d", newcomer.url), kind: MemberKind.LEARNER });
  expect((await rstore("member", "add", "--peer-url", newcomer.url)).code).toBe(0);
  expect(shapes()).toEqual([["a:voter", "b:voter", "c:voter", "d:voter"]]);
});

test("add refuses a disk of another cluster and a removed member, and says what to do", async () => {
  newcomer.hooks = { membership: { getIdentity: () => identity({ clusterId: 0xeen }) } };
  const other = await rstore("member", "add", "--peer-url", newcomer.url);
  expect(other).toMatchObject({ code: 4 });
  expect(other.stderr).toContain("another cluster");
  const removed = { clusterId: 0xc1n, removed: true, removedIndex: 5n };
  newcomer.hooks = { membership: { getIdentity: () => identity(removed) } };
  expect((await rstore("member", "add", "--peer-url", newcomer.url)).stderr).toContain("rstore reset");
  expect(changes).toEqual([]);
});

test("add --replace: the newcomer in and the old one out by one joint change, also at the old one's address", async () => {
  members[2] = voter(3n, "c", newcomer.url);
  const [url, old] = [newcomer.url, "0000000000000003"];
  expect((await rstore("member", "add", "--peer-url", url, "--replace", old)).code).toBe(0);
  expect(changes.map((change) => change.members.map(({ id }) => id))).toEqual([
    [1n, 2n, 3n, 4n],
    [1n, 2n, 4n],
  ]);
});

test("set by URL means the replica that answers there, not the one that did", async () => {
  members[2] = voter(3n, "c", newcomer.url);
  expect((await rstore("member", "set", "a", "b", newcomer.url)).code).toBe(0);
  expect(changes.at(-1)!.members.map(({ id }) => id)).toEqual([1n, 2n, 4n]);
});

test("remove takes ids, names and URLs, several by one change", async () => {
  expect((await rstore("member", "remove", "b", "0000000000000003")).code).toBe(0);
  expect(shapes()).toEqual([["a:voter"]]);
  const unknown = await rstore("member", "remove", "nobody");
  expect(unknown).toMatchObject({ code: 2 });
  expect(unknown.stderr).toContain("0000000000000001 (a)");
});

test("set brings the cluster to exactly the named voters: newcomers in and others out by one joint change", async () => {
  expect((await rstore("member", "set", "a", "b", newcomer.url)).code).toBe(0);
  expect(shapes()).toEqual([
    ["a:voter", "b:voter", "c:voter", "d:learner"],
    ["a:voter", "b:voter", "d:voter"],
  ]);
});

test("a change that another has overtaken is given up, not repeated on a new configuration (A2)", async () => {
  const change = leader.hooks.membership!.changeMembership!;
  leader.hooks.membership!.changeMembership = (request, context) => {
    members = members.filter(({ id }) => id !== 2n);
    index++;
    return change(request, context);
  };
  const overtaken = await rstore("member", "remove", "c");
  expect(overtaken).toMatchObject({ code: 4 });
  expect(changes).toEqual([]);
});

test("a change whose answer was lost is looked for in the list", async () => {
  const change = leader.hooks.membership!.changeMembership!;
  leader.hooks.membership!.changeMembership = (request, context) => {
    change(request, context);
    throw wireError(Reason.OUTCOME_UNKNOWN, Outcome.UNKNOWN);
  };
  expect((await rstore("member", "remove", "c")).code).toBe(0);
  expect(shapes()).toEqual([["a:voter", "b:voter"]]);
});

test("a change that the leader refuses as unsafe ends with its reason", async () => {
  leader.hooks.membership!.changeMembership = () => {
    throw wireError(Reason.QUORUM_AT_RISK, Outcome.NOT_APPLIED);
  };
  expect((await rstore("member", "remove", "c")).code).toBe(4);
});

test("move-leader names the new leader", async () => {
  expect((await rstore("move-leader", "c", "-o", "json")).stdout).toBe(
    '{"leaderId":"0000000000000003","term":9}\n',
  );
  expect((await rstore("move-leader")).stdout).toContain("0000000000000002 leads in term 9");
});

test("bootstrap founds a cluster with a random id on a blank replica only (E2)", async () => {
  const asked: bigint[] = [];
  newcomer.hooks.membership!.bootstrap = ({ clusterId, memberId }) => {
    expect(memberId).toBe(4n);
    asked.push(clusterId);
    return {};
  };
  for (let i = 0; i < 2; i++) expect((await rstore("bootstrap", "--peer-url", newcomer.url)).code).toBe(0);
  expect(asked[0]).not.toBe(0n);
  expect(asked[0]).not.toBe(asked[1]);
  newcomer.hooks.membership!.getIdentity = () => identity({ clusterId: 0xc1n });
  const again = await rstore("bootstrap", "--peer-url", newcomer.url);
  expect(again).toMatchObject({ code: 4 });
  expect(asked).toHaveLength(2);
});

test("reset is asked for a member that is no member any more, never for one that is", async () => {
  const asked: bigint[] = [];
  newcomer.hooks.membership!.getIdentity = () => identity({ clusterId: 0xc1n });
  newcomer.hooks.membership!.reset = ({ removedIndex }) => {
    asked.push(removedIndex);
    return { memberId: 5n };
  };
  expect((await rstore("reset", "--peer-url", newcomer.url)).stdout).toContain("0000000000000005");
  expect(asked).toEqual([10n]);
  members.push(voter(4n, "d", newcomer.url));
  expect(await rstore("reset", "--peer-url", newcomer.url)).toMatchObject({ code: 4 });
  newcomer.hooks.membership!.getIdentity = () => identity({ clusterId: 0xeen });
  expect((await rstore("reset", "--peer-url", newcomer.url)).stderr).toContain("never reset");
  expect(asked).toHaveLength(1);
});

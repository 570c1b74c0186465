import type { MessageInitShape } from "@bufbuild/protobuf";
import { type ListMembersResponseSchema, MemberKind } from "@rstore/proto/rstore/v1/cluster";
import { Role } from "@rstore/proto/rstore/v1/maintenance";
import { afterEach, describe, expect, it } from "vitest";
import { type FakeReplica, FakeReplicaServer } from "./fake-replica-server.ts";
import { observeConfiguration, observeReplica } from "./observe-members.ts";
import type { ReplicaAddress } from "./replica-client.ts";

const servers: FakeReplicaServer[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

async function serve(replica: FakeReplica): Promise<ReplicaAddress> {
  const server = await FakeReplicaServer.start(replica);
  servers.push(server);
  return server.address;
}

const nowhere: ReplicaAddress = { clientUrl: "http://127.0.0.1:1", peerUrl: "http://127.0.0.1:1" };
const asNamed = { name: "demo-0", peerUrl: "http://demo-0.demo-peers.shop.svc:4101" };
const stamped = { ...asNamed, memberId: 10n, clusterId: 7n, incarnation: 3n };
const header = { leaderId: 10n, term: 4n };

describe("what a replica says of itself", () => {
  it("nobody there, or somebody who does not know the question: silent", async () => {
    expect((await observeReplica(nowhere, asNamed)).answer).toBeUndefined();
    expect((await observeReplica(await serve({}), asNamed)).answer).toBeUndefined();
  });

  it("a disk of no cluster: blank", async () => {
    const address = await serve({ identity: () => ({ ...asNamed, memberId: 10n }) });
    expect((await observeReplica(address, asNamed)).answer).toEqual({
      kind: "blank",
      memberId: "000000000000000a",
    });
  });

  it.each([
    ["another slot", { name: "demo-1", peerUrl: "http://demo-1.demo-peers.shop.svc:4101" }],
    ["another store", { name: "other-0", peerUrl: "http://other-0.other-peers.shop.svc:4101" }],
    ["another namespace", { name: "demo-0", peerUrl: "http://demo-0.demo-peers.bank.svc:4101" }],
  ])(
    "the replica of %s, which has the address by now: silent, whatever its disk (E5)",
    async (_, stranger) => {
      for (const disk of [{ memberId: 10n }, stamped, { ...stamped, removed: true }]) {
        const address = await serve({
          identity: () => ({ ...disk, ...stranger }),
          status: () => ({ header }),
        });
        expect(await observeReplica(address, asNamed)).toEqual({
          answer: undefined,
          status: undefined,
          stranger,
        });
      }
    },
  );

  it("a disk that knows of its removal: removed, at that index", async () => {
    const identity = () => ({ ...stamped, removed: true, removedIndex: 9n });
    const { answer } = await observeReplica(await serve({ identity }), asNamed);
    expect(answer).toMatchObject({ kind: "removed", clusterId: "0000000000000007", removedIndex: 9n });
  });

  it.each([
    ["that knows a leader", { header }, { leaderless: false, refused: false }],
    ["that knows none", { header: { leaderId: 0n } }, { leaderless: true, refused: false }],
    [
      "whose peers refuse its disk (B2)",
      { header: { leaderId: 0n }, diskRefused: true },
      { leaderless: true, refused: true },
    ],
  ])("a member %s", async (_, status, expected) => {
    const address = await serve({ identity: () => stamped, status: () => status });
    expect((await observeReplica(address, asNamed)).answer).toEqual({
      kind: "member",
      memberId: "000000000000000a",
      clusterId: "0000000000000007",
      incarnation: 3n,
      ...expected,
    });
  });

  it("a member that does not tell its status knows no leader", async () => {
    const { answer, status } = await observeReplica(await serve({ identity: () => stamped }), asNamed);
    expect(answer).toMatchObject({ kind: "member", leaderless: true });
    expect(status).toBeUndefined();
  });
});

type List = MessageInitShape<typeof ListMembersResponseSchema>;

const list: List = {
  header,
  configurationIndex: 12n,
  committed: true,
  members: [
    { id: 10n, name: "demo-0", kind: MemberKind.VOTER },
    { id: 11n, name: "demo-1", kind: MemberKind.OUTGOING },
    { id: 12n, name: "other", kind: MemberKind.LEARNER },
  ],
  progress: [
    { memberId: 10n, matchIndex: 1000n, active: false },
    { memberId: 11n, matchIndex: 499n, active: true },
    { memberId: 12n, matchIndex: 500n, active: true },
  ],
};

async function asked(role: Role, listMembers: () => List, term = 4n) {
  const status = () => ({ role, header: { leaderId: 10n, term }, commitIndex: 1000n });
  const address = await serve({ identity: () => stamped, status, listMembers });
  return { ...(await observeReplica(address, asNamed)), address };
}

const slotOf = (name: string) => (name.startsWith("demo-") ? Number(name.slice(5)) : undefined);

describe("the configuration", () => {
  it("is the leader's answer: who is a member, heard of, and caught up", async () => {
    const replicas = [await asked(Role.FOLLOWER, () => ({})), await asked(Role.LEADER, () => list)];
    expect(await observeConfiguration(replicas, slotOf)).toMatchObject({
      term: 4n,
      index: 12n,
      joint: false,
      committed: true,
      leader: "000000000000000a",
      members: [
        { id: "000000000000000a", slot: 0, kind: "voter", active: true, caughtUp: true },
        { id: "000000000000000b", slot: 1, kind: "outgoing", active: true, caughtUp: false },
        { id: "000000000000000c", slot: undefined, kind: "learner", active: true, caughtUp: true },
      ],
    });
  });

  it("is not known when nobody leads, or who says so does not answer linearizably", async () => {
    const refuse = (): List => {
      throw new Error("no quorum");
    };
    const replicas = [await asked(Role.FOLLOWER, () => list), await asked(Role.LEADER, refuse)];
    expect(await observeConfiguration(replicas, slotOf)).toBeUndefined();
  });

  it("is not taken from an answer without progress: another one than the leader gave it", async () => {
    const forwarded = await asked(Role.LEADER, () => ({ ...list, progress: [] }));
    expect(await observeConfiguration([forwarded], slotOf)).toBeUndefined();
  });

  it("of two that say they lead, the one of the later term is asked first", async () => {
    const old = await asked(Role.LEADER, () => ({ ...list, configurationIndex: 5n }), 3n);
    const next = await asked(Role.LEADER, () => list, 4n);
    expect((await observeConfiguration([old, next], slotOf))?.index).toBe(12n);
  });
});

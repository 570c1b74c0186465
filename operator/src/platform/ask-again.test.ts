import { afterEach, describe, expect, it } from "vitest";
import { FakeReplicaServer } from "../member/fake-replica-server.ts";
import { inputFromScenario } from "../plan/testing/scenario.ts";
import type { ReplicasContext } from "./act-on-replicas.ts";
import { askAgain } from "./ask-again.ts";

const servers: FakeReplicaServer[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

interface Now {
  readonly index?: bigint;
  readonly joint?: boolean;
  readonly committed?: boolean;
  readonly leads?: boolean;
  /** The leader hears of the member in slot 1. */
  readonly active?: boolean;
  /** A replica answers in slot 1. */
  readonly answers?: boolean;
  /** Who answers there is another one. */
  readonly stranger?: boolean;
}

const memberIn = (slot: number) => ({
  name: `store-${slot}`,
  peerUrl: `http://store-${slot}`,
  clientUrl: "",
});

/** Planned when `b` in slot 1 was silent, and the configuration had index 10; the leader is in slot 0. */
async function contextAt(now: Now, deleting = false): Promise<ReplicasContext> {
  const {
    index = 10n,
    joint = false,
    committed = true,
    leads = true,
    active = false,
    answers = false,
    stranger = false,
  } = now;
  const leader = await FakeReplicaServer.start({
    identity: () => ({ memberId: 10n, clusterId: 1n, ...memberIn(0) }),
    status: () => ({ role: leads ? 5 : 2, header: { leaderId: 10n, term: 3n } }),
    listMembers: () => ({
      header: { leaderId: 10n, term: 3n },
      configurationIndex: index,
      joint,
      committed,
      members: [
        { id: 10n, name: "store-0" },
        { id: 11n, name: "store-1" },
      ],
      progress: [{ memberId: 11n, active }],
    }),
  });
  servers.push(leader);
  const addresses = new Map([[0, leader.address]]);
  if (answers) {
    const other = await FakeReplicaServer.start({
      identity: () => ({ memberId: 11n, ...memberIn(stranger ? 7 : 1) }),
    });
    servers.push(other);
    addresses.set(1, other.address);
  }
  const slots = [{ says: "member a" }, { says: "silent 900" }];
  return {
    input: inputFromScenario({ deleting, configuration: { voters: "a b", dead: "b", index: 10 }, slots }),
    addresses,
    removed: new Map(),
    memberIn,
  };
}

describe("before a volume is deleted the replicas are asked again (E1)", () => {
  it("nothing changed: go on", async () => {
    await expect(askAgain(1, await contextAt({}))).resolves.toBeUndefined();
  });

  it("another one answers at its address: it is silent still", async () => {
    await expect(askAgain(1, await contextAt({ answers: true, stranger: true }))).resolves.toBeUndefined();
  });

  it.each<[what: string, now: Now, why: RegExp]>([
    ["nobody leads any more", { leads: false }, /nobody answers with a majority/],
    ["another configuration is in force", { index: 11n }, /the configuration is another one/],
    ["two configurations are in force", { joint: true }, /the configuration is another one/],
    ["the configuration is not committed", { committed: false }, /the configuration is another one/],
    ["the leader hears of the member again", { active: true }, /the leader hears of store-1/],
    ["the replica answers again", { answers: true }, /slot 1 answers/],
  ])("%s: not now", async (_what, now, why) => {
    await expect(askAgain(1, await contextAt(now))).rejects.toThrow(why);
  });

  it("of a resource that is being deleted nobody runs any more", async () => {
    await expect(askAgain(1, await contextAt({ leads: false }, true))).resolves.toBeUndefined();
  });
});

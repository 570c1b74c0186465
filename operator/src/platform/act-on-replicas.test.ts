import { afterEach, expect, it } from "vitest";
import { type FakeReplica, FakeReplicaServer, memberRemoved } from "../member/fake-replica-server.ts";
import { ReplicaCallError } from "../member/replica-error.ts";
import { inputFromScenario } from "../plan/testing/scenario.ts";
import { actOnReplicas, type ReplicaStep, type ReplicasContext } from "./act-on-replicas.ts";
import { StepOutdatedError } from "./step-outdated-error.ts";

const servers: FakeReplicaServer[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

/** The members `a` and `b`, led by `a` in slot 0, which is the replica that answers; `c` and `d` are new. */
async function contextWith(replica: FakeReplica): Promise<ReplicasContext> {
  const server = await FakeReplicaServer.start(replica);
  servers.push(server);
  return {
    input: inputFromScenario({
      configuration: { voters: "a b" },
      slots: [{ says: "member a" }, { says: "member b" }, { says: "blank c" }, { says: "blank d" }],
    }),
    addresses: new Map([[0, server.address]]),
    removed: new Map(),
    memberIn: (slot) => ({ name: `store-${slot}`, peerUrl: `http://p${slot}`, clientUrl: `http://c${slot}` }),
  };
}

const change: ReplicaStep = {
  kind: "changeMembership",
  reason: "why",
  expectedIndex: 10n,
  target: [
    { id: "a", kind: "voter", slot: 0 },
    { id: "c", kind: "learner", slot: 2 },
    { id: "d", kind: "learner", slot: 3 },
  ],
};

it("a change of members names the configuration that it was planned with, and where newcomers are (E17)", async () => {
  const asked: object[] = [];
  const context = await contextWith({ changeMembership: (request) => void asked.push(request) });
  await actOnReplicas(change, context);
  expect(asked).toMatchObject([
    {
      expectedConfigurationIndex: 10n,
      members: [
        { id: 10n, name: "", peerUrl: "", clientUrl: "" },
        { id: 12n, name: "store-2", peerUrl: "http://p2", clientUrl: "http://c2" },
        { id: 13n, name: "store-3" },
      ],
    },
  ]);
});

it("newcomers of a change that is refused for a removed member are remembered as removed, members are not (A7)", async () => {
  const refuse = () => {
    throw memberRemoved(7n);
  };
  const context = await contextWith({ changeMembership: refuse });
  await expect(actOnReplicas(change, context)).rejects.toThrow(ReplicaCallError);
  expect([...context.removed]).toEqual([
    ["c", 7n],
    ["d", 7n],
  ]);
});

it("of those that were removed the latest 64 are remembered", async () => {
  const refuse = () => {
    throw memberRemoved(7n);
  };
  const context = await contextWith({ changeMembership: refuse });
  for (let id = 1; id <= 64; id += 1) context.removed.set(`${id}`, 1n);
  await expect(actOnReplicas(change, context)).rejects.toThrow(ReplicaCallError);
  expect([...context.removed.keys()]).toEqual([
    ...Array.from({ length: 62 }, (_, at) => `${at + 3}`),
    "c",
    "d",
  ]);
});

it("a change that is refused for anything else makes nobody removed", async () => {
  const context = await contextWith({
    changeMembership: () => {
      throw new Error("another change is under way");
    },
  });
  await expect(actOnReplicas(change, context)).rejects.toThrow(ReplicaCallError);
  expect(context.removed.size).toBe(0);
});

it("nothing is asked of a leader that is in no slot, or of a slot without an address", async () => {
  const context = await contextWith({});
  const nobody = { ...context, addresses: new Map() };
  const unknown = {
    ...context,
    input: { ...context.input, configuration: { ...context.input.configuration!, leader: "z" } },
  };
  const transfer: ReplicaStep = { kind: "transferLeadership", reason: "why", to: "b", slot: 1 };
  for (const place of [nobody, unknown])
    await expect(actOnReplicas(transfer, place)).rejects.toThrow(StepOutdatedError);
});

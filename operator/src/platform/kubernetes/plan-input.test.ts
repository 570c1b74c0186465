import { afterEach, describe, expect, it } from "vitest";
import type { ReplicatedStore } from "../../api/v1alpha1/types.ts";
import { FakeKubeClient } from "../../kube/fake-kube-client.ts";
import { KubeError } from "../../kube/kube-error.ts";
import type { V1Node, V1NodeSelectorTerm, V1PersistentVolumeClaim, V1Pod } from "../../kube/objects.ts";
import { FakeReplicaServer } from "../../member/fake-replica-server.ts";
import type { ReplicaAddress } from "../../member/replica-client.ts";
import type { Outages } from "../outages.ts";
import { memberIn } from "./names.ts";
import type { Obstacle } from "./ownership.ts";
import { type InputParts, observe } from "./plan-input.ts";
import { storeFrom } from "./store.ts";

const resource: ReplicatedStore = {
  apiVersion: "rstore.dev/v1alpha1",
  kind: "ReplicatedStore",
  metadata: { name: "demo", namespace: "shop", uid: "u-1" },
  spec: {},
};
const nowMs = 1_000_000;
const nowhere: ReplicaAddress = { clientUrl: "http://127.0.0.1:1", peerUrl: "http://127.0.0.1:1" };

let server: FakeReplicaServer | undefined;

afterEach(async () => {
  await server?.stop();
  server = undefined;
});

interface Situation {
  readonly client?: FakeKubeClient;
  readonly pod?: V1Pod;
  readonly claim?: V1PersistentVolumeClaim;
  readonly outages?: Outages;
  readonly address?: ReplicaAddress;
  readonly strangerMet?: InputParts["strangerMet"];
  readonly obstacles?: readonly Obstacle[];
}

/** Who runs in that slot. */
const who = memberIn(storeFrom(resource), 0);

/** A store of one slot. */
async function inputOf({ client = new FakeKubeClient(), pod, claim, ...more }: Situation) {
  const parts: InputParts = {
    client,
    store: storeFrom(resource),
    objects: {
      resource,
      statefulSet: undefined,
      budget: undefined,
      others: new Map(),
      obstacles: more.obstacles ?? [],
      pods: new Map(pod === undefined ? [] : [[0, pod]]),
      claims: new Map(claim === undefined ? [] : [[0, claim]]),
      missingClass: undefined,
    },
    wantedHash: "",
    outages: more.outages ?? new Map(),
    removed: new Map(),
    nowMs,
    drawnClusterId: "",
    addressOf: () => more.address ?? nowhere,
    strangerMet: more.strangerMet ?? (() => {}),
  };
  return (await observe(parts)).input;
}

async function slotOf(situation: Situation) {
  return (await inputOf(situation)).slots[0]!;
}

const claim: V1PersistentVolumeClaim = {
  metadata: { name: "data-demo-0", uid: "c-0" },
  spec: { volumeName: "pv" },
  status: { phase: "Bound" },
};

function podOn(nodeName: string | undefined, ready = false): V1Pod {
  return {
    metadata: { name: "demo-0", uid: "p-0" },
    spec: { containers: [], ...(nodeName === undefined ? {} : { nodeName }) },
    status: { podIP: "10.0.0.1", conditions: [{ type: "Ready", status: ready ? "True" : "False" }] },
  };
}

const anywhere = undefined;
const tiedTo = (key: string, ...values: string[]): V1NodeSelectorTerm[] => [
  { matchExpressions: [{ key, operator: "In", values }] },
];
const labels = {
  "kubernetes.io/hostname": "ip-10-0-0-7",
  "topology.topolvm.io/node": "n1",
  "openebs.io/nodename": "n1",
  "topology.kubernetes.io/zone": "z1",
};

type Health = "True" | "False" | "Unknown" | "out-of-service";

function node(name: string, health: Health, labels: Readonly<Record<string, string>>): V1Node {
  const taints = [{ key: "node.kubernetes.io/out-of-service", effect: "NoExecute" }];
  const lastTransitionTime = new Date(5000);
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels: { ...labels } },
    spec: health === "out-of-service" ? { taints } : {},
    status: {
      conditions: [
        { type: "Ready", status: health === "out-of-service" ? "Unknown" : health, lastTransitionTime },
      ],
    },
  };
}

async function clusterOf(terms: V1NodeSelectorTerm[] | undefined, nodes: readonly V1Node[]) {
  const client = new FakeKubeClient();
  const spec = terms === undefined ? {} : { nodeAffinity: { required: { nodeSelectorTerms: terms } } };
  const volume = { apiVersion: "v1", kind: "PersistentVolume", metadata: { name: "pv" }, spec };
  for (const object of [volume, ...nodes]) await client.create(object);
  return client;
}

describe("a volume of a lost node can move if a node that lives fits it (E10)", () => {
  const lost = node("n1", "Unknown", labels);
  const inZone = node("n2", "True", { "topology.kubernetes.io/zone": "z1" });
  const elsewhere = node("n3", "True", {
    "topology.kubernetes.io/zone": "z2",
    "topology.topolvm.io/node": "n3",
  });

  it.each<[what: string, terms: V1NodeSelectorTerm[] | undefined, nodes: V1Node[], isMovable: boolean]>([
    ["it can be attached anywhere", anywhere, [lost], true],
    ["it is tied to a host", tiedTo("kubernetes.io/hostname", "ip-10-0-0-7"), [lost, inZone], false],
    [
      "its driver has a label of its own",
      tiedTo("topology.topolvm.io/node", "n1"),
      [lost, inZone, elsewhere],
      false,
    ],
    ["another driver has another", tiedTo("openebs.io/nodename", "n1"), [lost, inZone, elsewhere], false],
    [
      "it names two nodes, of which one lives",
      tiedTo("topology.topolvm.io/node", "n1", "n3"),
      [lost, elsewhere],
      true,
    ],
    [
      "its zone has another node",
      tiedTo("topology.kubernetes.io/zone", "z1"),
      [lost, inZone, elsewhere],
      true,
    ],
    ["its zone may get another node", tiedTo("topology.kubernetes.io/zone", "z1"), [lost, elsewhere], true],
    ["so may the zone of its driver", tiedTo("topology.ebs.csi.aws.com/zone", "z1"), [lost], true],
    [
      "it is tied to a host, in a zone",
      [
        {
          matchExpressions: [
            ...tiedTo("topology.kubernetes.io/zone", "z1")[0]!.matchExpressions!,
            ...tiedTo("kubernetes.io/hostname", "ip-10-0-0-7")[0]!.matchExpressions!,
          ],
        },
      ],
      [lost, inZone],
      false,
    ],
    [
      "the other nodes that its driver names are lost, too",
      tiedTo("topology.topolvm.io/node", "n1"),
      [lost, node("n2", "Unknown", labels), node("n4", "out-of-service", labels), elsewhere],
      false,
    ],
    [
      "another node that fits is not ready, and says so",
      tiedTo("topology.topolvm.io/node", "n1"),
      [lost, node("n2", "False", labels)],
      true,
    ],
  ])("%s", async (_, terms, nodes, isMovable) => {
    const slot = await slotOf({ client: await clusterOf(terms, nodes), pod: podOn("n1"), claim });
    expect(slot.node).toEqual({ state: "unreachable", since: 5000 });
    expect(slot.claim).toMatchObject({ lost: false, attachableElsewhere: isMovable });
  });

  it("a node that lives is not another one than itself", async () => {
    const client = await clusterOf(tiedTo("openebs.io/nodename", "n1"), [node("n1", "True", labels)]);
    const slot = await slotOf({ client, pod: podOn("n1"), claim });
    expect(slot).toMatchObject({ node: { state: "ok" }, claim: { attachableElsewhere: false } });
  });

  it.each<[what: string, terms: V1NodeSelectorTerm[] | undefined, nodes: V1Node[], expected: object]>([
    [
      "and no node fits it",
      tiedTo("topology.topolvm.io/node", "n1"),
      [elsewhere],
      { state: "gone", movable: false },
    ],
    [
      "and its zone has others",
      tiedTo("topology.kubernetes.io/zone", "z1"),
      [inZone],
      { state: "gone", movable: true },
    ],
    ["and it can be attached anywhere", anywhere, [inZone], { state: "gone", movable: true }],
  ])("its node was deleted, %s", async (_, terms, nodes, expected) => {
    const { node: where, claim: of } = await slotOf({
      client: await clusterOf(terms, nodes),
      pod: podOn("n1"),
      claim,
    });
    expect({ state: where.state, movable: of?.attachableElsewhere }).toEqual(expected);
  });
});

describe("without a process on a node, a slot is where its volume can be", () => {
  const key = "topology.topolvm.io/node";
  it.each<[what: string, nodes: readonly V1Node[], state: string]>([
    ["on a node that lives", [node("n1", "True", labels)], "ok"],
    ["on one that is out of reach", [node("n1", "Unknown", labels)], "unreachable"],
    ["on one that is out of service", [node("n1", "out-of-service", labels)], "out-of-service"],
    ["nowhere", [node("n2", "True", { [key]: "n2" })], "gone"],
  ])("%s", async (_, nodes, state) => {
    const client = await clusterOf(tiedTo(key, "n1"), nodes);
    for (const pod of [undefined, podOn(undefined)])
      expect((await slotOf({ client, claim, ...(pod === undefined ? {} : { pod }) })).node.state).toBe(state);
  });

  it("and at rest where it can be attached anywhere", async () => {
    expect((await slotOf({ client: await clusterOf(anywhere, []), claim })).node.state).toBe("ok");
  });
});

it("the volume of a claim that is gone is lost", async () => {
  const slot = await slotOf({ client: new FakeKubeClient(), pod: podOn(undefined), claim });
  expect(slot.claim?.lost).toBe(true);
});

it.each(["read", "list"])(
  "that it may not %s nodes says nothing of them, and nothing is lost",
  async (call) => {
    const client = await clusterOf(tiedTo("kubernetes.io/hostname", "n1"), []);
    client.before = (made) => {
      if (made === call) throw new KubeError("forbidden", "");
    };
    const slot = await slotOf({ client, pod: podOn("n1"), claim });
    expect(slot.node).toEqual({ state: "unknown" });
    expect(slot.claim).toMatchObject({ lost: false, attachableElsewhere: true });
  },
);

describe("nothing is asked about the place of a replica", () => {
  const calls = async (pod: V1Pod, address?: ReplicaAddress) => {
    const client = await clusterOf(tiedTo("kubernetes.io/hostname", "n1"), [node("n1", "Unknown", labels)]);
    const made: string[] = [];
    client.before = (call, name) => void made.push(`${call} ${name}`);
    await slotOf({ client, pod, claim, ...(address === undefined ? {} : { address }) });
    return made;
  };

  it("that answers and is ready; of others something is", async () => {
    server = await FakeReplicaServer.start({ identity: () => ({ ...who, memberId: 1n }) });
    expect(await calls(podOn("n1", true), server.address)).toEqual([]);
    expect(await calls(podOn("n1", false), server.address)).not.toEqual([]);
    expect(await calls(podOn("n1", true))).not.toEqual([]);
  });
});

it("another one that has the pod's address is told of, and the slot is silent (E5)", async () => {
  const stranger = { name: "other-0", peerUrl: "http://other-0" };
  server = await FakeReplicaServer.start({ identity: () => ({ ...stranger, memberId: 1n }) });
  const met: unknown[] = [];
  const { address } = server;
  const slot = await slotOf({ pod: podOn("n1"), address, strangerMet: (...of) => void met.push(of) });
  expect(slot.report).toMatchObject({ kind: "silent" });
  expect(met).toEqual([[0, stranger]]);
});

it("of a replica that knows no leader it is said since when, and of each pod on which node it is (E8, E19)", async () => {
  server = await FakeReplicaServer.start({
    identity: () => ({ ...who, memberId: 1n, clusterId: 2n }),
    status: () => ({ header: { leaderId: 0n } }),
  });
  const { address } = server;
  const outages: Outages = new Map();
  const slot = await slotOf({ pod: podOn("n1"), address, outages });
  expect(slot.report).toMatchObject({ kind: "member", leaderlessSince: nowMs });
  expect(slot.nodeName).toBe("n1");
  const ready = await slotOf({ pod: podOn("n1", true), address, outages });
  expect(ready.report).not.toHaveProperty("leaderlessSince");
  expect(await slotOf({ pod: podOn(undefined) })).not.toHaveProperty("nodeName");
});

it("what was noted of a pod that is gone, or of a slot that has another one, is forgotten", async () => {
  const note = { kind: "silent", since: 7 } as const;
  const outages: Outages = new Map([
    ["p-old", note],
    ["u-1/0", note],
  ]);
  await slotOf({ pod: podOn(undefined), outages });
  expect([...outages.keys()]).toEqual(["p-0"]);
});

it.each([
  ["PodDisruptionBudget", false, true],
  ["PodDisruptionBudget", true, false],
  ["Service", false, false],
])(
  "of a %s of somebody else (it goes by itself: %s) the budget is taken: %s",
  async (kind, isPassing, taken) => {
    const obstacles = [{ kind, name: "demo", message: "", isPassing }];
    expect((await inputOf({ obstacles })).isBudgetTaken).toBe(taken);
  },
);

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import { kvAt } from "../cluster/services.ts";
import { Site, settleMs } from "../kubernetes/site.ts";
import { World } from "../kubernetes/world.ts";
import { fillQuota } from "./fill-quota.ts";
import { Load } from "./load.ts";
import { MonitoredStore, storeSpec } from "./monitored-store.ts";
import { prometheusMissing } from "./prometheus.ts";

const missing = prometheusMissing();
if (missing !== undefined) console.warn(missing);

/** Panels that show what is wrong or under way: empty in health, and to have had data when the faults are over. */
const emptyInHealth = new Set([
  "Fleet: Alerts that fire",
  "Store: Alerts that fire",
  "Store: Problems",
  // Only the reasons that there are.
  "Store: Writes",
  // A leader needs a change, a snapshot or an operator a reason.
  "Store: Leader changes",
  "Store: Operator steps",
  "Store: Configurations",
  "Store: Restarts",
  "Store: Time of snapshots",
  "Operator: Change of leader",
  "Operator: Change under way since",
  "Node.js process: Restarts",
]);

/** What this test can't bring about, and why. */
const emptyHere = new Set([
  // The processes of this test are in no control group with a limit.
  "Node.js process: Of the limit",
]);

let world: World;

beforeAll(async () => {
  world = await World.start();
}, 120_000);

afterAll(() => world?.stop(), 60_000);

describe.skipIf(missing !== undefined)("a real Prometheus over a real cluster", { timeout: 900_000 }, () => {
  it("shows every panel, and raises the alerts that faults are to raise", () =>
    Site.use(world, "monitored", {}, async (site) => {
      const store = await MonitoredStore.start(site);
      try {
        await showsHealth(store);
        await changesMembersAndPods(store);
        await leaderKilledForGood(store);
        await quorumFrozen(store);
        await followerLagsAndQuotaFills(store);
        await operatorGone(store);
        expect(await store.emptyEver(emptyHere)).toEqual([]);
      } finally {
        await store.stop();
      }
    }));
});

const inTrouble = ["RstoreNoLeader", "RstoreQuorumLost", "RstoreOneLossFromOutage", "RstoreReplicaDown"];

async function showsHealth(store: MonitoredStore): Promise<void> {
  const load = new Load(await store.clientUrls());
  const except = new Set([...emptyInHealth, ...emptyHere]);
  await eventually(
    "every panel to have data",
    async () => {
      expect(await store.emptyNow(except)).toEqual([]);
      return true;
    },
    { timeoutMs: settleMs, intervalMs: 1_000 },
  );
  const firing = (await store.prometheus.firing()).map(({ name }) => name);
  expect(firing.filter((name) => inTrouble.includes(name))).toEqual([]);
  await load.stop();
  expect(load.done).toBeGreaterThan(0);
}

/** What the annotations of a page are about: configurations, steps of the operator, restarts. */
async function changesMembersAndPods({ site }: MonitoredStore): Promise<void> {
  for (const replicas of [4, 3]) {
    await site.scale(replicas);
    await site.settled(replicas);
  }
  await site.apply({ ...storeSpec, pod: { annotations: { "example.org/round": "2" } } });
  await site.settled(3);
}

/** Its node is gone, and its process with it. */
async function leaderKilledForGood(store: MonitoredStore): Promise<void> {
  const { site } = store;
  const slot = await store.leader();
  const pod = await store.pod(slot);
  const node = pod.spec!.nodeName!;
  const load = new Load(await store.clientUrls());
  await site.world.standIn.setNode(node, "Unknown");
  const replica = `${site.store}-${slot}`;
  await store.fires("RstoreReplicaDown", { namespace: site.namespace, store: site.store, replica });
  await store.fires("RstoreOneLossFromOutage", { namespace: site.namespace, store: site.store });
  await store.fires("RstoreReplicaLagging", { store: site.store, replica });
  await store.fires("RstoreReplicasMissing", { store: site.store });
  expect(await store.leader()).not.toBe(slot);
  await load.stop();
  await site.world.standIn.setNode(node, "True");
  await site.world.kubectl.run("delete", "pod", replica, "-n", site.namespace, "--wait=false");
  await site.settled(3);
  await store.resolves(...inTrouble, "RstoreReplicaLagging");
}

/** Two of three processes stand still, as on disks that do. */
async function quorumFrozen(store: MonitoredStore): Promise<void> {
  const leader = await store.leader();
  const frozen = [leader, (leader + 1) % 3];
  const load = new Load(await store.clientUrls());
  for (const slot of frozen) await store.signal(slot, "SIGSTOP");
  try {
    await store.fires("RstoreNoLeader", { namespace: store.site.namespace, store: store.site.store });
    await store.fires("RstoreQuorumLost", { store: store.site.store });
    await store.fires("RstoreRequestsFailing", { store: store.site.store });
    // Whether the operator still hears one of them decides what it says.
    const unavailable = ["RstoreStoreUnavailable", "RstoreStoreNotObserved"];
    await store.firesOneOf(unavailable, { store: store.site.store });
  } finally {
    for (const slot of frozen) await store.signal(slot, "SIGCONT");
    await load.stop();
  }
  await store.resolves(...inTrouble);
}

/** One follower stands still while the quota fills: it needs a snapshot afterwards. */
async function followerLagsAndQuotaFills(store: MonitoredStore): Promise<void> {
  const leader = await store.leader();
  const follower = (leader + 1) % 3;
  const { site } = store;
  const url = (await store.clientUrls())[leader]!;
  await store.signal(follower, "SIGSTOP");
  try {
    await fillQuota(url);
    await store.fires("RstoreReplicaLagging", { store: site.store, replica: `${site.store}-${follower}` });
    await store.fires("RstoreQuotaNearlyUsed", { store: site.store, replica: `${site.store}-${leader}` });
    await store.fires("RstoreQuotaExceeded", { store: site.store, replica: `${site.store}-${leader}` });
  } finally {
    await store.signal(follower, "SIGCONT");
  }
  const { revision } = await kvAt(url).delete({ key: new TextEncoder().encode("fill/"), prefix: true });
  await kvAt(url).compact({ revision });
  await store.resolves("RstoreQuotaExceeded", "RstoreReplicaDown");
  await site.settled(3);
}

async function operatorGone(store: MonitoredStore): Promise<void> {
  await store.operator.kill();
  const { description } = await store.fires("RstoreOperatorDown");
  expect(description).toContain("while 3 replicas are known");
}

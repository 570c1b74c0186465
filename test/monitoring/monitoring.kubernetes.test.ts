import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import { kvAt } from "../cluster/services.ts";
import { Site } from "../kubernetes/site.ts";
import { World } from "../kubernetes/world.ts";
import { fillQuota } from "./fill-quota.ts";
import { Load } from "./load.ts";
import { MonitoredStore, patienceMs, storeSpec } from "./monitored-store.ts";
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

const inTrouble = ["RstoreNoLeader", "RstoreQuorumLost", "RstoreOneLossFromOutage", "RstoreReplicaDown"];

/** In this order: each leaves the store whole for the next. */
describe.skipIf(missing !== undefined)("a real Prometheus over a real store", { timeout: 150_000 }, () => {
  let world: World;
  let store: MonitoredStore;
  let close: () => Promise<void> = async () => {};

  beforeAll(async () => {
    world = await World.start();
    const opened = Promise.withResolvers<Site>();
    const over = Promise.withResolvers<void>();
    const used = Site.use(world, "monitored", {}, (site) => {
      opened.resolve(site);
      return over.promise;
    });
    used.catch(opened.reject);
    close = async () => {
      over.resolve();
      await used;
    };
    store = await MonitoredStore.start(await opened.promise);
  }, 120_000);

  afterAll(async () => {
    await store?.stop();
    await close();
    await world?.stop();
  }, 120_000);

  it("shows a store under load on every panel, and no trouble", async () => {
    const load = new Load(await store.clientUrls());
    await eventually(
      "every panel to have data",
      () => store.expectData(new Set([...emptyInHealth, ...emptyHere]), "now"),
      { timeoutMs: patienceMs, intervalMs: 1_000 },
    );
    const firing = (await store.prometheus.alerts("firing")).map(({ name }) => name);
    expect(firing.filter((name) => inTrouble.includes(name))).toEqual([]);
    await load.stop();
    expect(load.done).toBeGreaterThan(0);
  });

  it("sees members and pods change: what its annotations are about", async () => {
    const { site } = store;
    for (const replicas of [4, 3]) {
      await site.scale(replicas);
      await site.settled(replicas, patienceMs);
    }
    // A pod that may not go yet holds its restart up for as long as it takes to be seen.
    await store.holdPods(["example.org/hold"]);
    try {
      await site.apply({ ...storeSpec, pod: { annotations: { "example.org/round": "2" } } });
      await store.sees("rstore_operator_store_change_started_timestamp_seconds");
    } finally {
      await store.holdPods(null);
    }
    await site.settled(3, patienceMs);
  });

  it("raises the alerts of a leader that is killed for good", async () => {
    const { site } = store;
    const slot = await store.leader();
    const pod = await store.pod(slot);
    const replica = `${site.store}-${slot}`;
    const load = new Load(await store.clientUrls());
    // Its process with it.
    await site.world.standIn.setNode(pod.spec!.nodeName!, "Unknown");
    try {
      await store.fires("RstoreReplicaDown", { namespace: site.namespace, store: site.store, replica });
      await store.fires("RstoreOneLossFromOutage", { namespace: site.namespace, store: site.store });
      await store.fires("RstoreReplicaLagging", { store: site.store, replica });
      await store.fires("RstoreReplicasMissing", { store: site.store });
      expect(await store.leader()).not.toBe(slot);
    } finally {
      await load.stop();
      await site.world.standIn.setNode(pod.spec!.nodeName!, "True");
    }
    await site.world.kubectl.run("delete", "pod", replica, "-n", site.namespace, "--wait=false");
    await site.settled(3, patienceMs);
    await store.resolves(...inTrouble, "RstoreReplicaLagging");
  });

  it("raises the alerts of a majority that stands still", async () => {
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
    await store.site.settled(3, patienceMs);
    await store.resolves(...inTrouble);
  });

  it("raises the alerts of a follower that lags and a quota that is used up, and sees the snapshot", async () => {
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
    await site.settled(3, patienceMs);
  });

  it("raises the alert of an operator that is gone", async () => {
    await store.operator.kill();
    const { description } = await store.fires("RstoreOperatorDown");
    expect(description).toContain("while 3 replicas are known");
  });

  it("had data on every panel by now", () => store.expectData(emptyHere, "ever"));

  it("could evaluate every rule", async () => expect(await store.prometheus.brokenRules()).toEqual([]));
});

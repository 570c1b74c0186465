import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { imageText } from "./environment.ts";
import { expectSettled } from "./expect-settled.ts";
import { KubeCluster } from "./kube-cluster.ts";
import { measurements } from "./measurements.ts";
import { OperatorRelease } from "./operator-release.ts";
import { drainAt } from "./scenarios/drains.ts";
import { deleteNamespace, deleteWithClaims, recreateOnOldVolumes } from "./scenarios/lifecycle.ts";
import { cutAndHeal, killAndStart, killForGood, loseNode, nodeUnderAll } from "./scenarios/nodes.ts";
import { deleteEachPod, deletePodAndClaim } from "./scenarios/pods.ts";
import { refuseTemplate, rollBrokenImage, rollThrough, starveAll } from "./scenarios/rolling.ts";
import { applyThree, editMidway, scaleThrough } from "./scenarios/scaling.ts";
import { uninstallAndInstall, upgradeChart } from "./scenarios/upgrading.ts";
import { TestStore } from "./test-store.ts";

const minutes = 60_000;
const cluster = new KubeCluster();
const release = new OperatorRelease(cluster);
let nodes: readonly string[];
/** Under no fault: writers run there. */
let safeNode: string;
/** Made by the operator of before. */
const upgraded = new TestStore(cluster, "rstore-upgraded");

beforeAll(async () => {
  nodes = await cluster.nodes();
  if (nodes.length < 3) throw new Error(`three nodes are needed, and there are ${nodes.length}`);
  safeNode = nodes[0]!;
  await cluster.deleteTestNamespaces();
  await release.installBefore();
}, 5 * minutes);

afterAll(() => console.log(["", ...measurements()].join("\n  ")));

/** In a namespace of its own that is gone afterwards, unless the test fails. */
async function withStore(
  name: string,
  scenario: (store: TestStore) => Promise<void>,
  storageClass = cluster.environment.sharedClass,
): Promise<void> {
  await release.ensureCurrent();
  const store = new TestStore(cluster, `rstore-${name}`, storageClass);
  await applyThree(store, safeNode);
  await scenario(store);
  await cluster.deleteNamespace(store.namespace);
}

describe("the chart", () => {
  it("is upgraded from the one before, and no pod of a store is made anew (E15)", {
    timeout: 16 * minutes,
  }, async () => {
    await applyThree(upgraded, safeNode);
    await upgradeChart(release, upgraded);
  });

  it("passes its own test", { timeout: 5 * minutes }, async () => {
    await release.ensureCurrent();
    expect(await release.test()).toMatch(/Succeeded/);
  });
});

describe.concurrent("a store under load", { timeout: 20 * minutes }, () => {
  it("is scaled by joint consensus, and no request fails", () =>
    withStore("scaling", async (store) => {
      await scaleThrough(store, [5, 3, 1, 3], 5);
      await editMidway(store);
      await expectSettled(store, { replicas: 3, keptClaims: [3, 4] });
    }));

  it("outlives its pods, and replaces members that lost their disk", () =>
    withStore("pods", async (store) => {
      await deleteEachPod(store);
      await deletePodAndClaim(store, "follower");
      await deletePodAndClaim(store, "leader");
      await deleteWithClaims(store);
    }));

  it("rolls new resources and the image of this version through", async () => {
    await rollThrough(upgraded, "new resources", { resources: { requests: { memory: "96Mi" } } });
    await rollThrough(upgraded, "a new image", { image: imageText(cluster.environment.replicaImage) });
    await cluster.deleteNamespace(upgraded.namespace);
  });

  it("loses one pod to a template that can't start, and heals when it is set back", () =>
    withStore("templates", async (store) => {
      await refuseTemplate(store);
      const { operatorImage, replicaImage } = cluster.environment;
      const missing = imageText({ ...replicaImage, tag: "there-is-no-such-tag" });
      await rollBrokenImage(store, missing, "PodImagePull");
      // Starts, and is no replica.
      await rollBrokenImage(store, imageText(operatorImage), "MembersNotReady");
      await starveAll(store);
    }));

  it("lets drains through that it can bear, at each size", () =>
    withStore("drains", async (store) => {
      await drainAt(store, 3, 3);
      await drainAt(store, 5, 5);
      await drainAt(store, 2, 5);
      await drainAt(store, 1, 5);
    }));

  it("is taken over by a resource that is made again, and goes with its namespace", () =>
    withStore("lifecycle", async (store) => {
      await recreateOnOldVolumes(store);
      await deleteNamespace(store);
    }));
});

// By `--all`.
if (cluster.environment.all) {
  const { localClass } = cluster.environment;
  describe.concurrent("a store under load, at greater length", { timeout: 30 * minutes }, () => {
    it("outlives its pods, and replaces members that lost their disk, on volumes that stay", () =>
      withStore(
        "local-pods",
        async (store) => {
          await deleteEachPod(store);
          await deletePodAndClaim(store, "follower");
          await deletePodAndClaim(store, "leader");
          await deleteWithClaims(store);
        },
        localClass,
      ));

    it("is taken over by a resource that is made again, on volumes that stay", () =>
      withStore("local-lifecycle", recreateOnOldVolumes, localClass));

    it("lets drains through at even and at larger sizes", () =>
      withStore("more-drains", async (store) => {
        await drainAt(store, 4, 4);
        await drainAt(store, 7, 7);
      }));

    it("is scaled to the largest size and back", () =>
      withStore("more-scaling", (store) => scaleThrough(store, [9, 4, 2, 1], 9)));
  });
}

describe("stores on volumes that move and on volumes that stay", () => {
  const { sharedClass, localClass, nodeFaults } = cluster.environment;
  const stores = [sharedClass, localClass].map((name) => new TestStore(cluster, `rstore-on-${name}`, name));
  const faultIt = it.skipIf(nodeFaults === undefined);
  if (nodeFaults === undefined) {
    console.warn("SKIPPED: RSTORE_NODE_FAULTS is not set, so no node is cut, killed or lost");
  }

  it("are applied", { timeout: 10 * minutes }, async () => {
    await release.ensureCurrent();
    await Promise.all(stores.map((store) => applyThree(store, safeNode)));
  });

  it("serve on without an operator", { timeout: 10 * minutes }, () => uninstallAndInstall(release, stores));

  faultIt("outlive a node that is killed and comes back", { timeout: 12 * minutes }, () =>
    killAndStart(cluster, stores, nodes[1]!),
  );

  faultIt("outlive a node that is cut off and healed", { timeout: 12 * minutes }, () =>
    cutAndHeal(cluster, stores, nodes[2]!),
  );

  faultIt("get back to full strength when a node stays dead", { timeout: 16 * minutes }, async () =>
    killForGood(cluster, stores, await nodeUnderAll(stores, nodes.slice(1))),
  );

  // Others than before: two members of those may share a node by now, and would be lost together.
  faultIt("get back to full strength when a node is lost for good", { timeout: 16 * minutes }, async () => {
    await Promise.all(stores.map(({ namespace }) => cluster.deleteNamespace(namespace)));
    const fresh = [sharedClass, localClass].map(
      (name) => new TestStore(cluster, `rstore-losing-${name}`, name),
    );
    await Promise.all(fresh.map((store) => applyThree(store, safeNode)));
    await loseNode(cluster, fresh, await nodeUnderAll(fresh, nodes.slice(1)));
  });
});

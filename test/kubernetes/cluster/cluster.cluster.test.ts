import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectSettled } from "./expect-settled.ts";
import { KubeCluster } from "./kube-cluster.ts";
import { measurements } from "./measurements.ts";
import { OperatorRelease } from "./operator-release.ts";
import { applyThree, editMidway, scaleThrough } from "./scenarios/scaling.ts";
import { TestStore } from "./test-store.ts";

const minutes = 60_000;
const cluster = new KubeCluster();
const release = new OperatorRelease(cluster);
/** Under no fault: writers run there. */
let safeNode: string;

beforeAll(async () => {
  const nodes = await cluster.nodes();
  if (nodes.length < 3) throw new Error(`three nodes are needed, and there are ${nodes.length}`);
  safeNode = nodes[0]!;
}, minutes);

afterAll(() => console.log(["", ...measurements()].join("\n  ")));

describe("the chart", () => {
  it(
    "installs, and its test passes",
    async () => {
      await release.install();
      expect(await release.test()).toMatch(/Succeeded/);
    },
    4 * minutes,
  );
});

describe.concurrent("a store under load", () => {
  it(
    "is scaled by joint consensus, and no request fails",
    async () => {
      const store = new TestStore(cluster, "rstore-scaling");
      await applyThree(store, safeNode);
      await scaleThrough(store, [5, 3, 1, 3], 5);
      await editMidway(store);
      await expectSettled(store, { replicas: 3, keptClaims: [3, 4] });
      await cluster.deleteNamespace(store.namespace);
    },
    10 * minutes,
  );
});

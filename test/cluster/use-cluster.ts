import { afterAll, afterEach, beforeAll, onTestFinished } from "vitest";
import { Cluster, type ClusterOptions } from "./cluster.ts";

/** One cluster for the tests of a describe block; the replicas' logs are printed when a test fails. */
export function useCluster(count: number, options: ClusterOptions = {}): () => Cluster {
  let cluster: Cluster | undefined;
  beforeAll(async () => {
    cluster = await Cluster.boot(count, options);
  }, 60_000);
  afterEach(({ task }) => {
    if (task.result?.state === "fail") console.error(cluster?.logTails());
  });
  afterAll(() => cluster?.dispose());
  return () => cluster!;
}

/** A cluster of its own for the test that is running. */
export async function clusterForTest(count: number, options: ClusterOptions = {}): Promise<Cluster> {
  const cluster = count === 0 ? new Cluster(options) : await Cluster.boot(count, options);
  onTestFinished(async ({ task }) => {
    if (task.result?.state === "fail") console.error(cluster.logTails());
    await cluster.dispose();
  });
  return cluster;
}

import { Cluster, type ClusterOptions } from "../cluster/cluster.ts";

/** A cluster for one measurement; when it fails, the replicas' logs say why. */
export async function withCluster<T>(
  count: number,
  options: ClusterOptions,
  use: (cluster: Cluster) => Promise<T>,
): Promise<T> {
  const cluster = await Cluster.boot(count, options);
  try {
    return await use(cluster);
  } catch (error) {
    console.error(cluster.logTails());
    throw error;
  } finally {
    await cluster.dispose();
  }
}

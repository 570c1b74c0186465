import { fileURLToPath } from "node:url";
import type { ImageName } from "./environment.ts";
import { type KubeCluster, operatorNamespace, releaseName as release } from "./kube-cluster.ts";

export const chartFolder = fileURLToPath(new URL("../../../charts/rstore", import.meta.url));

/** The one Helm release of the tests. */
export class OperatorRelease {
  readonly cluster: KubeCluster;

  constructor(cluster: KubeCluster) {
    this.cluster = cluster;
  }

  async install(): Promise<void> {
    const { operatorImage, replicaImage } = this.cluster.environment;
    const all = this.#arguments(chartFolder, operatorImage, replicaImage);
    await this.cluster.helm("upgrade", "--install", ...all, "--create-namespace");
  }

  async upgrade(folder: string, operatorImage: ImageName, replicaImage: ImageName): Promise<void> {
    await this.cluster.helm("upgrade", ...this.#arguments(folder, operatorImage, replicaImage));
  }

  test(): Promise<string> {
    return this.cluster.helm("test", release, "-n", operatorNamespace, "--timeout", "90s");
  }

  async uninstall(): Promise<void> {
    await this.cluster.helm("uninstall", release, "-n", operatorNamespace, "--wait", "--timeout", "90s");
  }

  #arguments(folder: string, operatorImage: ImageName, replicaImage: ImageName): readonly string[] {
    const values = {
      "image.repository": operatorImage.repository,
      "image.tag": operatorImage.tag,
      "replicaImage.repository": replicaImage.repository,
      "replicaImage.tag": replicaImage.tag,
    };
    const settings = Object.entries(values).flatMap(([name, value]) => ["--set-string", `${name}=${value}`]);
    // Two: another one takes over when a node is lost.
    return [
      release,
      folder,
      "-n",
      operatorNamespace,
      ...settings,
      "--set",
      "replicas=2",
      "--wait",
      "--timeout",
      "120s",
    ];
  }
}

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ImageName } from "./environment.ts";
import { type KubeCluster, operatorNamespace, releaseName as release } from "./kube-cluster.ts";

const chartFolder = fileURLToPath(new URL("../../../charts/rstore", import.meta.url));

/** The one Helm release of the tests. */
export class OperatorRelease {
  readonly cluster: KubeCluster;
  #current: Promise<void> | undefined;

  constructor(cluster: KubeCluster) {
    this.cluster = cluster;
  }

  /** From this checkout. Installs, or upgrades what is there. */
  install(): Promise<void> {
    const { operatorImage, replicaImage } = this.cluster.environment;
    // Only its dashboards are rendered: the cluster has no definitions of PodMonitor and PrometheusRule.
    const monitoring = ["--set", "monitoring.enabled=true"];
    this.#current = this.#install(chartFolder, operatorImage, replicaImage, monitoring);
    return this.#current;
  }

  /** Where only some of the tests are run, nobody has upgraded what was before. */
  ensureCurrent(): Promise<void> {
    return this.#current ?? this.install();
  }

  /** The chart and the images of before. */
  async installBefore(): Promise<void> {
    const { chart, operatorImage, replicaImage } = this.cluster.environment.before;
    if (chart !== undefined) {
      await this.#install(chart, operatorImage, replicaImage);
      return;
    }
    console.warn(
      "NOT FROM AN EARLIER VERSION: RSTORE_CHART_BEFORE is not set; this one is upgraded to itself",
    );
    const folder = mkdtempSync(join(tmpdir(), "rstore-chart-"));
    try {
      cpSync(chartFolder, folder, { recursive: true });
      const file = join(folder, "Chart.yaml");
      const text = readFileSync(file, "utf8");
      writeFileSync(file, text.replace(/^(version|appVersion): .*/gm, "$1: 0.0.1"));
      await this.#install(folder, operatorImage, replicaImage);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  test(): Promise<string> {
    return this.cluster.helm("test", release, "-n", operatorNamespace, "--timeout", "180s");
  }

  async uninstall(): Promise<void> {
    await this.cluster.helm("uninstall", release, "-n", operatorNamespace, "--wait", "--timeout", "180s");
  }

  async #install(
    folder: string,
    operatorImage: ImageName,
    replicaImage: ImageName,
    more: readonly string[] = [],
  ): Promise<void> {
    const all = this.#arguments(folder, operatorImage, replicaImage);
    await this.cluster.helm("upgrade", "--install", ...all, ...more, "--create-namespace");
  }

  #arguments(folder: string, operatorImage: ImageName, replicaImage: ImageName): readonly string[] {
    const values = {
      "image.repository": operatorImage.repository,
      "image.tag": operatorImage.tag,
      "replicaImage.repository": replicaImage.repository,
      "replicaImage.tag": replicaImage.tag,
    };
    const settings = Object.entries(values).flatMap(([name, value]) => ["--set-string", `${name}=${value}`]);
    return [
      release,
      folder,
      ...["-n", operatorNamespace],
      ...settings,
      // Two: another one takes over when a node is lost.
      ...["--set", "replicas=2"],
      // Without a share of its own it starves beside the stores on a machine of two cores.
      ...["--set", "resources.requests.cpu=300m"],
      ...["--wait", "--timeout", "180s"],
    ];
  }
}

import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { scratchDirectory } from "../cluster/reaper.ts";
import { requiredAssets } from "./assets.ts";

const run = promisify(execFile);
export const chartFolder = fileURLToPath(new URL("../../charts/rstore", import.meta.url));

export interface Release {
  readonly name: string;
  readonly namespace: string;
  readonly values: object;
}

/** Rejects with what helm wrote. */
export async function helm(...args: readonly string[]): Promise<string> {
  const { stdout } = await run(join(requiredAssets(), "helm"), [...args], { maxBuffer: 16 * 1024 * 1024 });
  return stdout;
}

/** What `helm install` would send, as YAML. */
export function renderChart(release: Release, ...templates: readonly string[]): Promise<string> {
  const { name, namespace, values } = release;
  const file = join(scratchDirectory("values"), "values.json");
  writeFileSync(file, JSON.stringify(values));
  const only = templates.map((template) => `--show-only=templates/${template}`);
  // As in a cluster with the Prometheus operator.
  const apis = ["PodMonitor", "PrometheusRule"].map(
    (kind) => `--api-versions=monitoring.coreos.com/v1/${kind}`,
  );
  return helm("template", name, chartFolder, ...apis, "--namespace", namespace, "--values", file, ...only);
}

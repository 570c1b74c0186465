import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as timer } from "node:timers/promises";
import type { V1Pod } from "@rstore/operator/kube/objects";
import { removeScratch, scratchDirectory } from "../cluster/reaper.ts";

const intervalMs = 1_000;

/**
 * Stands for Prometheus' own discovery of pods, which Debian's build lacks: a target for each port of each pod that
 * has an address, with the labels that discovery would give it.
 */
export class PodDiscovery {
  readonly #folder = scratchDirectory("discovery");
  readonly #list: () => Promise<readonly V1Pod[]>;
  readonly #running: Promise<void>;
  #isStopped = false;

  constructor(list: () => Promise<readonly V1Pod[]>) {
    this.#list = list;
    this.#running = this.#keep();
  }

  /** For `file_sd_configs`. */
  get file(): string {
    return join(this.#folder, "pods.json");
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
    removeScratch(this.#folder);
  }

  async #keep(): Promise<void> {
    let written = "";
    while (!this.#isStopped) {
      // A list that failed says nothing about the pods.
      const pods = await this.#list().catch(() => undefined);
      const text = pods === undefined ? written : JSON.stringify(pods.flatMap(targetsOf));
      if (text !== written) {
        writeFileSync(`${this.file}.new`, text);
        renameSync(`${this.file}.new`, this.file);
        written = text;
      }
      await timer(intervalMs);
    }
  }
}

function targetsOf({ metadata, spec, status }: V1Pod): readonly object[] {
  const ip = status?.podIP;
  if (ip === undefined) return [];
  const meta = "__meta_kubernetes_";
  const labels = Object.entries(metadata?.labels ?? {}).map(([name, value]) => [podLabel(name), value]);
  return (spec?.containers ?? []).flatMap(({ name: container, ports = [] }) =>
    ports.map(({ name = "", containerPort }) => ({
      targets: [`${ip}:${containerPort}`],
      labels: {
        ...Object.fromEntries(labels),
        [`${meta}namespace`]: metadata?.namespace ?? "",
        [`${meta}pod_name`]: metadata?.name ?? "",
        [`${meta}pod_container_name`]: container,
        [`${meta}pod_container_port_name`]: name,
      },
    })),
  );
}

/** As discovery calls a label of the pod. */
export function podLabel(name: string): string {
  return `__meta_kubernetes_pod_label_${name.replaceAll(/[^a-zA-Z0-9_]/g, "_")}`;
}

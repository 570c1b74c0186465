import type { ClusterFile } from "./cluster-file.ts";
import { LocalError } from "./local-error.ts";

/** What a person asked for on the command line; undefined: not said. */
export interface AskedSettings {
  readonly replicas?: number;
  readonly clientPort?: number;
  readonly peerPort?: number;
  readonly metricsPort?: number;
}

const defaults = { replicas: 3, clientPort: 4001, peerPort: 4101, metricsPort: 4201 } as const;

const ports = [
  ["clientPort", "--client-port"],
  ["peerPort", "--peer-port"],
  ["metricsPort", "--metrics-port"],
] as const;

/**
 * What is remembered, changed by what was asked for. The number of replicas may change; the ports are in
 * the cluster's configuration and stay.
 */
export function settleSettings(remembered: ClusterFile | undefined, asked: AskedSettings): ClusterFile {
  if (remembered === undefined) {
    const replicas = asked.replicas ?? defaults.replicas;
    return {
      version: 1,
      replicas,
      slots: replicas,
      clientPort: asked.clientPort ?? defaults.clientPort,
      peerPort: asked.peerPort ?? defaults.peerPort,
      metricsPort: asked.metricsPort ?? defaults.metricsPort,
      bootstrap: null,
      clusterId: null,
      voters: [],
    };
  }
  for (const [key, flag] of ports) {
    const port = asked[key];
    if (port !== undefined && port !== remembered[key]) {
      const message = `the cluster in this folder was set up with ${flag} ${remembered[key]}, which its members know each other by`;
      throw new LocalError(`${message}: leave the flag away, or choose another folder with --data`);
    }
  }
  const replicas = asked.replicas ?? remembered.replicas;
  return { ...remembered, replicas, slots: Math.max(remembered.slots, replicas) };
}

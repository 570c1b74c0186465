import { join } from "node:path";
import type { ClusterFile } from "./cluster-file.ts";

/** Where the replica of a slot (numbered from 1) lives. */
export interface SlotAddress {
  readonly slot: number;
  readonly name: string;
  readonly dataDir: string;
  readonly clientPort: number;
  readonly peerPort: number;
  readonly metricsPort: number;
  readonly clientUrl: string;
  readonly peerUrl: string;
  readonly metricsUrl: string;
}

export const localHost = "127.0.0.1";

export function slotAddress(
  slot: number,
  file: Pick<ClusterFile, "clientPort" | "peerPort" | "metricsPort">,
  dataDir: string,
): SlotAddress {
  const [clientPort, peerPort, metricsPort] = [
    file.clientPort + slot - 1,
    file.peerPort + slot - 1,
    file.metricsPort + slot - 1,
  ] as const;
  return {
    slot,
    name: `r${slot}`,
    dataDir: join(dataDir, `replica-${slot}`),
    clientPort,
    peerPort,
    metricsPort,
    clientUrl: `http://${localHost}:${clientPort}`,
    peerUrl: `http://${localHost}:${peerPort}`,
    metricsUrl: `http://${localHost}:${metricsPort}`,
  };
}

import { join } from "node:path";

/** The first slot's; the others follow. */
export interface Ports {
  readonly clientPort: number;
  readonly peerPort: number;
  readonly metricsPort: number;
}

/** Where the replica of a slot lives. */
export interface SlotAddress extends Ports {
  /** From 0, as the plan counts. */
  readonly slot: number;
  readonly name: string;
  readonly dataDir: string;
  readonly clientUrl: string;
  readonly peerUrl: string;
  readonly metricsUrl: string;
}

export const localHost = "127.0.0.1";

/** As many as a spec may ask for. */
export const slotsMax = 9;

export function slotAddress(slot: number, ports: Ports, dataDir: string): SlotAddress {
  const [clientPort, peerPort, metricsPort] = [
    ports.clientPort + slot,
    ports.peerPort + slot,
    ports.metricsPort + slot,
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

export function slotAddresses(count: number, ports: Ports, dataDir: string): SlotAddress[] {
  return Array.from({ length: count }, (_, slot) => slotAddress(slot, ports, dataDir));
}

/** undefined: a member that somebody else named. */
export function slotOfName(name: string): number | undefined {
  const match = /^r(\d)$/.exec(name);
  return match === null ? undefined : Number(match[1]);
}

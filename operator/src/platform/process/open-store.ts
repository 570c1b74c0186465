import { existsSync } from "node:fs";
import { join } from "node:path";
import { claimUid, removeDeletedClaims } from "./claim.ts";
import { type KeeperFile, keeperFilePath, readKeeperFile, writeKeeperFile } from "./keeper-file.ts";
import { LocalError } from "./local-error.ts";
import { checkPortRanges, checkPortsFree } from "./ports.ts";
import { type Ports, slotAddress, slotAddresses, slotsMax } from "./slot-address.ts";
import {
  readStatusFile,
  type StoredResource,
  statusFilePath,
  withSpec,
  writeStatusFile,
} from "./status-file.ts";
import { readStoreFile, storeFilePath, writeNewStoreFile, writeReplicas } from "./store-file.ts";

/** What a person asked for on the command line; undefined: not said. */
export interface AskedSettings {
  readonly replicas?: number;
  readonly clientPort?: number;
  readonly peerPort?: number;
  readonly metricsPort?: number;
}

export interface OpenedStore {
  readonly keeper: KeeperFile;
  readonly resource: StoredResource;
  /** Fields of spec that mean nothing on one machine. */
  readonly unused: readonly string[];
}

const defaultReplicas = 3;
const defaultPorts: Ports = { clientPort: 4001, peerPort: 4101, metricsPort: 4201 };
const flags = {
  clientPort: "--client-port",
  peerPort: "--peer-port",
  metricsPort: "--metrics-port",
} as const;
const earlierFile = "cluster.json";

/**
 * The files of a store, made on the first start. Only with the folder's lock. A spec file that is wrong is left
 * to be refused while the store runs, as long as there is a last good spec.
 * @param patienceMs for ports that are taken: replicas of a run that was killed need a moment to end
 */
export async function openStore(
  folder: string,
  asked: AskedSettings,
  patienceMs: number,
): Promise<OpenedStore> {
  if (existsSync(join(folder, earlierFile))) {
    throw new LocalError(
      `${folder} holds a cluster of an earlier version (${earlierFile}), which this one does not take over: choose another folder with --data, or delete it with "rstore local wipe"`,
    );
  }
  removeDeletedClaims(folder);
  const before = readKeeperFile(folder);
  const keeper = settleKeeper(folder, before, asked);
  const { resource, unused } = settleResource(folder, asked);
  const addresses = slotAddresses(Math.max(keeper.kept, resource.spec.replicas), keeper, folder);
  checkPortRanges(addresses);
  const isRemembered = before !== undefined;
  await checkPortsFree(addresses, { patienceMs, remembered: isRemembered });
  // Only now: whoever was told to choose other ports may do so.
  if (!isRemembered) writeKeeperFile(folder, keeper);
  return { keeper, resource, unused };
}

function settleKeeper(folder: string, remembered: KeeperFile | undefined, asked: AskedSettings): KeeperFile {
  if (remembered === undefined) return newKeeper(folder, asked);
  for (const [key, flag] of Object.entries(flags) as [keyof Ports, string][]) {
    const port = asked[key];
    if (port !== undefined && port !== remembered[key]) {
      const message = `the cluster in this folder was set up with ${flag} ${remembered[key]}, which its members know each other by`;
      throw new LocalError(`${message}: leave the flag away, or choose another folder with --data`);
    }
  }
  return remembered;
}

/** Data directories without the file that knows their number: a process is kept on each of them. */
function newKeeper(folder: string, { clientPort, peerPort, metricsPort }: AskedSettings): KeeperFile {
  const ports: Ports = {
    clientPort: clientPort ?? defaultPorts.clientPort,
    peerPort: peerPort ?? defaultPorts.peerPort,
    metricsPort: metricsPort ?? defaultPorts.metricsPort,
  };
  const claimed = Array.from({ length: slotsMax }, (_, slot) => slot).filter(
    (slot) => claimUid(slotAddress(slot, ports, folder).dataDir) !== undefined,
  );
  return { version: 1, ...ports, kept: Math.max(-1, ...claimed) + 1 };
}

function settleResource(
  folder: string,
  { replicas }: AskedSettings,
): { readonly resource: StoredResource; readonly unused: readonly string[] } {
  const before = readStatusFile(folder);
  if (readStoreFile(folder).kind === "absent") {
    writeNewStoreFile(folder, { replicas: replicas ?? before?.spec.replicas ?? defaultReplicas });
  } else if (replicas !== undefined) {
    writeReplicas(folder, replicas);
  }
  const file = readStoreFile(folder);
  if (file.kind === "valid") {
    const resource = withSpec(before, file.spec);
    if (resource !== before) writeStatusFile(folder, resource);
    return { resource, unused: file.unused };
  }
  if (before !== undefined) return { resource: before, unused: [] };
  const problems = file.kind === "refused" ? file.problems.join("; ") : "it is gone";
  throw new LocalError(`${storeFilePath(folder)} is refused: ${problems}`);
}

/** Every file that a store keeps in its folder, data directories aside. */
export function storeFiles(folder: string): string[] {
  const names = ["store.yaml", "run.json", earlierFile].map((name) => join(folder, name));
  return [...names, statusFilePath(folder), keeperFilePath(folder)];
}

import type { Definition } from "./definition.ts";
import { apiCounted, apiScraped } from "./definitions/api.ts";
import { consensusCounted, consensusScraped } from "./definitions/consensus.ts";
import { networkCounted, networkScraped } from "./definitions/network.ts";
import { processCounted, processScraped } from "./definitions/process.ts";
import { snapshotsCounted, snapshotsScraped } from "./definitions/snapshots.ts";
import { storageCounted, storageScraped } from "./definitions/storage.ts";
import { storeCounted, storeScraped } from "./definitions/store.ts";

/** Counted by what runs a member. */
export const runtimeCounted = {
  ...consensusCounted,
  ...snapshotsCounted,
  ...storageCounted,
  ...storeCounted,
  ...networkCounted,
};

/** Read from the replica at a scrape. */
export const replicaScraped = [
  ...consensusScraped,
  ...snapshotsScraped,
  ...storageScraped,
  ...storeScraped,
  ...networkScraped,
];

export { apiCounted, apiScraped, processCounted, processScraped };

/** All of a replica's own metrics, for its reference. */
export const replicaDefinitions: readonly {
  readonly title: string;
  readonly metrics: readonly Definition[];
}[] = [
  { title: "Replica and store", metrics: [...storeScraped, ...Object.values(storeCounted)] },
  { title: "Consensus", metrics: [...consensusScraped, ...Object.values(consensusCounted)] },
  { title: "Snapshots", metrics: [...snapshotsScraped, ...Object.values(snapshotsCounted)] },
  { title: "Disk", metrics: [...storageScraped, ...Object.values(storageCounted)] },
  { title: "Network", metrics: [...networkScraped, ...Object.values(networkCounted)] },
  { title: "API", metrics: [...apiScraped, ...Object.values(apiCounted)] },
  { title: "Process", metrics: [...processScraped, ...Object.values(processCounted)] },
];

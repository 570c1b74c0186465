import type { MemberId, ReplicatedStoreStatus } from "../../api/v1alpha1/types.ts";
import { type ObservedReplica, observeConfiguration, observeReplica } from "../../member/observe-members.ts";
import type { ReplicaAddress } from "../../member/replica-client.ts";
import type {
  Budget,
  Claim,
  Configuration,
  NodeState,
  PlanInput,
  Report,
  Slot,
} from "../../plan/observation.ts";
import { type Outages, reportOf } from "../outages.ts";
import { planSpec } from "../plan-spec.ts";
import { budgetNumber } from "./budget-number.ts";
import { ports, slotOf, templateHashLabel, voterLabel } from "./names.ts";
import { nodeOfVolume, nodeState } from "./observe-node.ts";
import { damageOf, replicaFromPod, unreadySince } from "./observe-pod.ts";
import type { StoreObjects } from "./observe-store.ts";
import type { Store } from "./store.ts";

export interface InputParts {
  readonly store: Store;
  readonly objects: StoreObjects;
  readonly wantedHash: string;
  readonly outages: Outages;
  /** Ids that a leader refused as removed, with the index of their removal. */
  readonly removed: ReadonlyMap<MemberId, bigint>;
  readonly nowMs: number;
  readonly drawnClusterId: string;
}

export interface Observation {
  readonly input: PlanInput;
  /** Where the replicas that have an address are, by slot. */
  readonly addresses: ReadonlyMap<number, ReplicaAddress>;
  /** Version that all replicas have; undefined: they differ, or none answered. */
  readonly version: string | undefined;
}

/** Asks the replicas, and puts everything together that the plan looks at. */
export async function observe(parts: InputParts): Promise<Observation> {
  const { store, objects, wantedHash, nowMs, drawnClusterId } = parts;
  const { resource } = objects;
  const addresses = addressesOf(objects);
  const replicas = new Map<number, ObservedReplica>();
  await Promise.all(
    [...addresses].map(async ([slot, address]) => {
      replicas.set(slot, await observeReplica(address));
    }),
  );
  const configuration = await configurationOf(parts, addresses, replicas);
  const input: PlanInput = {
    now: nowMs,
    generation: resource.metadata.generation ?? 0,
    deleting: resource.metadata.deletionTimestamp !== undefined,
    spec: planSpec(store.spec),
    status: resource.status ?? ({} as ReplicatedStoreStatus),
    slots: slotsOf(parts, replicas),
    configuration,
    template: {
      wanted: wantedHash,
      current: objects.statefulSet?.spec?.template.metadata?.labels?.[templateHashLabel],
    },
    budget: budgetOf(objects),
    drawnClusterId,
  };
  const versions = new Set([...replicas.values()].flatMap(({ status }) => status?.version ?? []));
  return { input, addresses, version: versions.size === 1 ? [...versions][0] : undefined };
}

async function configurationOf(
  { store, removed }: InputParts,
  addresses: ReadonlyMap<number, ReplicaAddress>,
  replicas: ReadonlyMap<number, ObservedReplica>,
): Promise<Configuration | undefined> {
  const asked = [...replicas].flatMap(([slot, replica]) => {
    const address = addresses.get(slot);
    return address === undefined ? [] : [{ ...replica, address }];
  });
  const configuration = await observeConfiguration(asked, (name) => slotOf(store, name));
  if (configuration === undefined) return undefined;
  return { ...configuration, removed: [...removed].map(([id, index]) => ({ id, index })) };
}

function addressesOf({ pods }: StoreObjects): Map<number, ReplicaAddress> {
  const addresses = new Map<number, ReplicaAddress>();
  for (const [slot, pod] of pods) {
    const ip = pod.status?.podIP;
    if (ip === undefined || ip === "") continue;
    const host = ip.includes(":") ? `[${ip}]` : ip;
    addresses.set(slot, {
      clientUrl: `http://${host}:${ports.client}`,
      peerUrl: `http://${host}:${ports.peer}`,
    });
  }
  return addresses;
}

function slotsOf(parts: InputParts, replicas: ReadonlyMap<number, ObservedReplica>): Slot[] {
  const { objects } = parts;
  const kept = objects.statefulSet?.spec?.replicas ?? 0;
  const indices = new Set([...objects.pods.keys(), ...objects.claims.keys(), ...Array(kept).keys()]);
  return [...indices].map((index) => slotFrom(parts, index, replicas.get(index)));
}

function slotFrom(parts: InputParts, index: number, replica: ObservedReplica | undefined): Slot {
  const { objects } = parts;
  const pod = objects.pods.get(index);
  const nodeName = pod?.spec?.nodeName;
  const claim = claimOf(objects, index);
  return {
    index,
    kept: index < (objects.statefulSet?.spec?.replicas ?? 0),
    ...(claim === undefined ? {} : { claim }),
    ...(pod === undefined ? {} : { replica: replicaFromPod(pod) }),
    node: nodeOf(objects, index),
    ...(nodeName === undefined ? {} : { nodeName }),
    report: reportAt(parts, index, replica),
  };
}

function reportAt(
  { objects, outages, nowMs }: InputParts,
  index: number,
  observed: ObservedReplica | undefined,
): Report {
  const pod = objects.pods.get(index);
  return reportOf(outages, {
    uid: pod?.metadata?.uid ?? `${objects.resource.metadata.uid}/${index}`,
    observed,
    damage: pod && damageOf(pod),
    unreadySince: pod && unreadySince(pod),
    nowMs,
  });
}

function claimOf(
  { claims, volumes, mayReadNodes, missingClass }: StoreObjects,
  index: number,
): Claim | undefined {
  const claim = claims.get(index);
  if (claim === undefined) return undefined;
  const volume = volumes.get(index);
  const isBound = claim.spec?.volumeName !== undefined && claim.spec.volumeName !== "";
  return {
    uid: claim.metadata?.uid ?? "",
    deleting: claim.metadata?.deletionTimestamp !== undefined,
    lost: claim.status?.phase === "Lost" || (mayReadNodes && isBound && volume === undefined),
    attachableElsewhere: nodeOfVolume(volume) === undefined,
    ...(isBound || missingClass === undefined ? {} : { missingClass }),
  };
}

function nodeOf({ pods, volumes, nodes, mayReadNodes }: StoreObjects, index: number): NodeState {
  if (!mayReadNodes) return { state: "unknown" };
  const name = pods.get(index)?.spec?.nodeName ?? nodeOfVolume(volumes.get(index));
  return name === undefined ? { state: "ok" } : nodeState(nodes.get(name));
}

function budgetOf({ budget, pods }: StoreObjects): Budget | undefined {
  if (budget === undefined) return undefined;
  const voters = [...pods]
    .filter(([, pod]) => pod.metadata?.labels?.[voterLabel] === "true")
    .map(([slot]) => slot);
  return { minAvailable: budgetNumber(budget) ?? 0, voters: voters.sort((a, b) => a - b) };
}

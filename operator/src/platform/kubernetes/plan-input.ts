import type { MemberId, ReplicatedStoreStatus } from "../../api/v1alpha1/types.ts";
import type { KubeClient } from "../../kube/kube-client.ts";
import {
  type ExpectedMember,
  type ObservedReplica,
  observeConfiguration,
  observeReplica,
} from "../../member/observe-members.ts";
import type { ReplicaAddress } from "../../member/replica-client.ts";
import type { Budget, Claim, Configuration, PlanInput, Report, Slot } from "../../plan/observation.ts";
import { type Outages, reportOf } from "../outages.ts";
import { planSpec } from "../plan-spec.ts";
import { budgetNumber } from "./budget-number.ts";
import { memberIn, ports, slotOf, templateHashLabel, voterLabel } from "./names.ts";
import { damageOf, isReady, replicaFromPod, unreadySince } from "./observe-pod.ts";
import type { StoreObjects } from "./observe-store.ts";
import { type Place, readPlaces, servingPlace } from "./read-places.ts";
import type { Store } from "./store.ts";

export interface InputParts {
  readonly client: KubeClient;
  readonly store: Store;
  readonly objects: StoreObjects;
  readonly wantedHash: string;
  readonly outages: Outages;
  /** Ids that a leader refused as removed, with the index of their removal. */
  readonly removed: ReadonlyMap<MemberId, bigint>;
  readonly nowMs: number;
  readonly drawnClusterId: string;
  /** Where the replica is asked that has this address. */
  readonly addressOf: (ip: string) => ReplicaAddress;
  /** Another one answers at the address of a slot's pod; the slot counts as silent. */
  readonly strangerMet: (slot: number, stranger: ExpectedMember) => void;
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
  const { client, store, objects, wantedHash, nowMs, drawnClusterId } = parts;
  const { resource } = objects;
  const addresses = addressesOf(objects, parts.addressOf);
  const replicas = new Map<number, ObservedReplica>();
  await Promise.all(
    [...addresses].map(async ([slot, address]) => {
      const observed = await observeReplica(address, memberIn(store, slot));
      replicas.set(slot, observed);
      if (observed.stranger !== undefined) parts.strangerMet(slot, observed.stranger);
    }),
  );
  const [configuration, places] = await Promise.all([
    configurationOf(parts, addresses, replicas),
    readPlaces(client, objects, inQuestion(objects, replicas)),
  ]);
  forgetOthers(parts);
  const input: PlanInput = {
    now: nowMs,
    generation: resource.metadata.generation ?? 0,
    deleting: resource.metadata.deletionTimestamp !== undefined,
    spec: planSpec(store.spec),
    status: resource.status ?? ({} as ReplicatedStoreStatus),
    slots: slotsOf({ ...parts, places }, replicas),
    configuration,
    template: {
      wanted: wantedHash,
      current: objects.statefulSet?.spec?.template.metadata?.labels?.[templateHashLabel],
    },
    budget: budgetOf(objects),
    isBudgetTaken: objects.obstacles.some(
      ({ kind, isPassing }) => kind === "PodDisruptionBudget" && !isPassing,
    ),
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

function addressesOf(
  { pods }: StoreObjects,
  addressOf: (ip: string) => ReplicaAddress,
): Map<number, ReplicaAddress> {
  const addresses = new Map<number, ReplicaAddress>();
  for (const [slot, pod] of pods) {
    const ip = pod.status?.podIP;
    if (ip === undefined || ip === "") continue;
    addresses.set(slot, addressOf(ip));
  }
  return addresses;
}

export function replicaAddress(ip: string): ReplicaAddress {
  const host = ip.includes(":") ? `[${ip}]` : ip;
  return { clientUrl: `http://${host}:${ports.client}`, peerUrl: `http://${host}:${ports.peer}` };
}

/** Who answers and is ready is where it should be: neither its node nor its volume is looked at. */
function inQuestion(
  objects: StoreObjects,
  replicas: ReadonlyMap<number, ObservedReplica>,
): readonly number[] {
  return slotIndices(objects).filter((index) => {
    const pod = objects.pods.get(index);
    const isServing = pod !== undefined && isReady(pod) && pod.metadata?.deletionTimestamp === undefined;
    return !isServing || replicas.get(index)?.answer === undefined;
  });
}

function slotIndices({ statefulSet, pods, claims }: StoreObjects): readonly number[] {
  const kept = statefulSet?.spec?.replicas ?? 0;
  return [...new Set([...pods.keys(), ...claims.keys(), ...Array(kept).keys()])];
}

type SlotParts = InputParts & { readonly places: ReadonlyMap<number, Place> };

function slotsOf(parts: SlotParts, replicas: ReadonlyMap<number, ObservedReplica>): Slot[] {
  return slotIndices(parts.objects).map((index) => slotFrom(parts, index, replicas.get(index)));
}

function slotFrom(parts: SlotParts, index: number, replica: ObservedReplica | undefined): Slot {
  const { objects } = parts;
  const pod = objects.pods.get(index);
  const place = parts.places.get(index) ?? servingPlace;
  const nodeName = pod?.spec?.nodeName;
  const claim = claimOf(objects, index, place);
  return {
    index,
    kept: index < (objects.statefulSet?.spec?.replicas ?? 0),
    ...(claim === undefined ? {} : { claim }),
    ...(pod === undefined ? {} : { replica: replicaFromPod(pod) }),
    node: place.node,
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
    uid: outageKey(objects, index),
    observed,
    damage: pod && damageOf(pod),
    unreadySince: pod && unreadySince(pod),
    nowMs,
  });
}

function outageKey({ pods, resource }: StoreObjects, index: number): string {
  return pods.get(index)?.metadata?.uid ?? `${resource.metadata.uid}/${index}`;
}

/** A pod that is gone does not come back, and a slot that lost another one later was not silent in between. */
function forgetOthers({ objects, outages }: InputParts): void {
  const known = new Set(slotIndices(objects).map((index) => outageKey(objects, index)));
  for (const key of outages.keys()) if (!known.has(key)) outages.delete(key);
}

function claimOf({ claims, missingClass }: StoreObjects, index: number, place: Place): Claim | undefined {
  const claim = claims.get(index);
  if (claim === undefined) return undefined;
  const isBound = claim.spec?.volumeName !== undefined && claim.spec.volumeName !== "";
  return {
    uid: claim.metadata?.uid ?? "",
    deleting: claim.metadata?.deletionTimestamp !== undefined,
    lost: claim.status?.phase === "Lost" || place.isVolumeGone,
    attachableElsewhere: place.attachableElsewhere,
    ...(isBound || missingClass === undefined ? {} : { missingClass }),
  };
}

function budgetOf({ budget, pods }: StoreObjects): Budget | undefined {
  if (budget === undefined) return undefined;
  const voters = [...pods]
    .filter(([, pod]) => pod.metadata?.labels?.[voterLabel] === "true")
    .map(([slot]) => slot);
  return { minAvailable: budgetNumber(budget) ?? 0, voters: voters.sort((a, b) => a - b) };
}

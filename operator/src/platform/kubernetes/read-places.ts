import type { KubeClient } from "../../kube/kube-client.ts";
import { isKubeError } from "../../kube/kube-error.ts";
import type { V1Node, V1PersistentVolume, V1Pod } from "../../kube/objects.ts";
import type { NodeState } from "../../plan/observation.ts";
import { nodeState } from "./observe-node.ts";
import type { StoreObjects } from "./observe-store.ts";
import { fits, isZonal, namesOf, selectorOf, termsOf } from "./volume-nodes.ts";

/** Where the process of a slot runs, or its volume is. */
export interface Place {
  readonly node: NodeState;
  /** The volume can be used on a node that lives, other than the one where its process is. */
  readonly attachableElsewhere: boolean;
  /** The claim is bound to a volume that is not there. */
  readonly isVolumeGone: boolean;
}

/** Of a replica that answers and is ready, without a look at its node: nothing of it has to be found elsewhere. */
export const servingPlace: Place = { node: { state: "ok" }, attachableElsewhere: true, isVolumeGone: false };

/** Nodes and volumes may not be read. */
const unknownPlace: Place = { ...servingPlace, node: { state: "unknown" } };

/** Of the slots that are asked for. */
export async function readPlaces(
  client: KubeClient,
  objects: StoreObjects,
  slots: readonly number[],
): Promise<ReadonlyMap<number, Place>> {
  const places = await Promise.all(slots.map((slot) => readPlace(client, objects, slot)));
  return new Map(slots.map((slot, at) => [slot, places[at]!]));
}

async function readPlace(client: KubeClient, objects: StoreObjects, slot: number): Promise<Place> {
  const volumeName = objects.claims.get(slot)?.spec?.volumeName || undefined;
  try {
    const volume = volumeName === undefined ? undefined : await readVolume(client, volumeName);
    const fitting = volume === undefined ? undefined : await readFitting(client, volume);
    const isVolumeGone = volumeName !== undefined && volume === undefined;
    const place = await placeFrom(client, objects.pods.get(slot), fitting);
    const attachableElsewhere = place.attachableElsewhere || (volume !== undefined && isZonal(volume));
    return { ...place, attachableElsewhere, isVolumeGone };
  } catch (error) {
    if (isKubeError(error, "forbidden")) return unknownPlace;
    throw error;
  }
}

/** @param fitting nodes on which its volume can be used; undefined: on all */
async function placeFrom(
  client: KubeClient,
  pod: V1Pod | undefined,
  fitting: readonly V1Node[] | undefined,
): Promise<Omit<Place, "isVolumeGone">> {
  const name = pod?.spec?.nodeName || undefined;
  const isHere = (node: V1Node): boolean => node.metadata?.name === name;
  const attachableElsewhere =
    fitting === undefined || fitting.some((node) => !isHere(node) && nodeState(node).state === "ok");
  if (name === undefined) return { node: stateOfAny(fitting), attachableElsewhere };
  const node = fitting?.find(isHere) ?? (await readNode(client, name));
  return { node: nodeState(node), attachableElsewhere };
}

/** Without a process: how the best of the nodes is that it could be on. */
function stateOfAny(fitting: readonly V1Node[] | undefined): NodeState {
  if (fitting === undefined) return { state: "ok" };
  const states = fitting.map(nodeState);
  const order = ["ok", "unreachable", "out-of-service"] as const;
  const best = order.flatMap((state) => states.filter((one) => one.state === state));
  return best[0] ?? { state: "gone" };
}

async function readFitting(
  client: KubeClient,
  volume: V1PersistentVolume,
): Promise<readonly V1Node[] | undefined> {
  const terms = termsOf(volume);
  if (terms === undefined) return undefined;
  const found = new Map<string, V1Node>();
  for (const term of terms) {
    const names = namesOf(term);
    const nodes =
      names === undefined ? await listNodes(client, selectorOf(term)) : await readAll(client, names);
    for (const node of nodes) if (fits(volume, node)) found.set(node.metadata?.name ?? "", node);
  }
  return [...found.values()];
}

async function listNodes(client: KubeClient, labelSelector: string): Promise<readonly V1Node[]> {
  const { items } = await client.list<V1Node>({ apiVersion: "v1", kind: "Node" }, { labelSelector });
  return items;
}

async function readAll(client: KubeClient, names: readonly string[]): Promise<readonly V1Node[]> {
  const nodes = await Promise.all(names.map((name) => readNode(client, name)));
  return nodes.flatMap((node) => node ?? []);
}

function readNode(client: KubeClient, name: string): Promise<V1Node | undefined> {
  return client.read<V1Node>({ apiVersion: "v1", kind: "Node", name });
}

function readVolume(client: KubeClient, name: string): Promise<V1PersistentVolume | undefined> {
  return client.read<V1PersistentVolume>({ apiVersion: "v1", kind: "PersistentVolume", name });
}

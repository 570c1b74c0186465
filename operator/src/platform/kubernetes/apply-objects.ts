import type { KubernetesObject, V1StatefulSet } from "../../kube/objects.ts";
import type { ActContext } from "./act-context.ts";
import {
  buildClientService,
  buildNetworkPolicy,
  buildPeerService,
  buildServiceAccount,
  buildStatefulSet,
} from "./build-objects.ts";
import { names, templateHashLabel } from "./names.ts";

interface StatefulSetChange {
  /** From the number of slots that are kept now. */
  readonly slots: (kept: number) => number;
  /** Hash of the template to take on; absent: the one that it has. */
  readonly template?: string;
}

/** What the StatefulSet looked like last, after this turn's own writes. */
const latest = new WeakMap<ActContext, V1StatefulSet>();

/** Only of the version that was observed: what was planned on an old view must not undo what came after it. */
export async function applyStatefulSet(context: ActContext, change: StatefulSetChange): Promise<void> {
  const { client, store, objects, wanted } = context;
  const current = latest.get(context) ?? objects.statefulSet;
  const slots = change.slots(current?.spec?.replicas ?? 0);
  const template = change.template === wanted.hash ? wanted.template : templateToKeep(context, current);
  const next = buildStatefulSet(store, slots, template);
  const resourceVersion = current?.metadata?.resourceVersion;
  const conditional =
    resourceVersion === undefined ? next : { ...next, metadata: { ...next.metadata, resourceVersion } };
  latest.set(context, await client.apply<V1StatefulSet>(conditional));
}

/** New pods are made from what the StatefulSet has, until a roll sets the wanted one. */
function templateToKeep({ wanted }: ActContext, current: V1StatefulSet | undefined) {
  const template = current?.spec?.template;
  if (template === undefined || template.metadata?.labels?.[templateHashLabel] === wanted.hash)
    return wanted.template;
  return template;
}

/** Puts right what differs from how it should be, and makes what is missing; the StatefulSet once it exists. */
export async function applyOwnedObjects(context: ActContext): Promise<void> {
  const { client, store, operator, objects } = context;
  const owned: KubernetesObject[] = [
    buildServiceAccount(store),
    buildPeerService(store),
    buildClientService(store),
  ];
  if (store.spec.networkPolicy.enabled) owned.push(buildNetworkPolicy(store, operator));
  await Promise.all(owned.map((object) => client.apply(object)));
  if (!store.spec.networkPolicy.enabled) await removeNetworkPolicy(context);
  if (objects.statefulSet !== undefined) await applyStatefulSet(context, { slots: (kept) => kept });
}

async function removeNetworkPolicy({ client, store }: ActContext): Promise<void> {
  const ref = {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    namespace: store.namespace,
    name: names.networkPolicy(store),
  };
  const found = await client.read(ref);
  const isOwn = found?.metadata?.ownerReferences?.some(({ uid }) => uid === store.uid) === true;
  if (isOwn) await client.delete(ref, { uid: found?.metadata?.uid ?? "" });
}

import { isKubeError } from "../../kube/kube-error.ts";
import type { KubernetesObject, V1StatefulSet, V1StatefulSetSpec } from "../../kube/objects.ts";
import { StepOutdatedError } from "../step-outdated-error.ts";
import type { ActContext } from "./act-context.ts";
import { applyOwn } from "./apply-own.ts";
import {
  buildClientService,
  buildNetworkPolicy,
  buildPeerService,
  buildServiceAccount,
  buildStatefulSet,
} from "./build-objects.ts";
import { names, objectKey, templateHashLabel } from "./names.ts";
import { isOwn } from "./ownership.ts";
import { keepBudget } from "./set-budget.ts";

interface StatefulSetChange {
  /** From the number of slots that are kept now. */
  readonly slots: (kept: number) => number;
  /** Hash of the template to take on; absent: the one that it has. */
  readonly template?: string;
}

/** What the StatefulSet looked like last, after this turn's own writes. */
const latest = new WeakMap<ActContext, V1StatefulSet>();

/** Its status is written all the time by Kubernetes: so often is it read again before the turn is given up. */
const attemptsMax = 5;

/** Only of the spec that was observed: what was planned on an old view must not undo what came after it. */
export async function applyStatefulSet(context: ActContext, change: StatefulSetChange): Promise<void> {
  const { store, objects } = context;
  let current = latest.get(context) ?? objects.statefulSet;
  for (let attempt = 1; ; attempt += 1) {
    context.assertMayAct();
    try {
      const next = nextStatefulSet(context, current, change);
      latest.set(context, await applyOwn<V1StatefulSet>(context, next, current));
      return;
    } catch (error) {
      if (!isKubeError(error, "conflict")) throw error;
      if (current === undefined) throw new StepOutdatedError("there is a StatefulSet by now");
      if (attempt === attemptsMax) throw error;
      const fresh: V1StatefulSet | undefined = await readStatefulSet(context);
      const isSameSpec = fresh?.metadata?.generation === current.metadata?.generation;
      if (!isSameSpec || fresh?.metadata?.uid !== current.metadata?.uid) throw error;
      if (fresh === undefined || !isOwn(store, fresh)) throw error;
      current = fresh;
    }
  }
}

function readStatefulSet({ client, store }: ActContext): Promise<V1StatefulSet | undefined> {
  const { namespace } = store;
  return client.read({
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    namespace,
    name: names.statefulSet(store),
  });
}

/** A StatefulSet that is made anew takes on the pods of the one before, and would end those that it is not to keep. */
function slotsInUse({ objects }: ActContext): number {
  const staying = [...objects.pods].filter(([, { metadata }]) => metadata?.deletionTimestamp === undefined);
  return Math.max(0, ...staying.map(([slot]) => slot + 1));
}

function nextStatefulSet(
  context: ActContext,
  current: V1StatefulSet | undefined,
  change: StatefulSetChange,
): V1StatefulSet {
  const { store, wanted } = context;
  const slots = change.slots(current === undefined ? slotsInUse(context) : (current.spec?.replicas ?? 0));
  const template = change.template === wanted.hash ? wanted.template : templateToKeep(context, current);
  const next = buildStatefulSet(store, slots, template);
  return { ...next, spec: { ...next.spec!, ...immutableFields(current) } };
}

/** As they are: a change of them is refused, also when they were written for a resource that is gone by now. */
function immutableFields(current: V1StatefulSet | undefined): Partial<V1StatefulSetSpec> {
  if (current?.spec === undefined) return {};
  const { selector, serviceName, podManagementPolicy, volumeClaimTemplates } = current.spec;
  const fields = Object.entries({ selector, serviceName, podManagementPolicy, volumeClaimTemplates });
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined));
}

/** New pods are made from what the StatefulSet has, until a roll sets the wanted one. */
function templateToKeep({ wanted }: ActContext, current: V1StatefulSet | undefined) {
  const template = current?.spec?.template;
  if (template === undefined || template.metadata?.labels?.[templateHashLabel] === wanted.hash)
    return wanted.template;
  return template;
}

/**
 * Puts right what differs from how it should be, and makes what is missing; the StatefulSet once it exists. Each
 * for itself: what is refused of one does not keep the others from it. What others have taken the names of is left
 * to them. Returns what failed.
 */
export async function applyOwnedObjects(context: ActContext): Promise<readonly unknown[]> {
  context.assertMayAct();
  const { store, operator, objects } = context;
  const wanted: KubernetesObject[] = [
    buildServiceAccount(store),
    buildPeerService(store),
    buildClientService(store),
  ];
  if (store.spec.networkPolicy.enabled) wanted.push(buildNetworkPolicy(store, operator));
  const taken = new Set(objects.obstacles.map(({ kind, name }) => objectKey({ kind, metadata: { name } })));
  const done = await Promise.allSettled([
    ...wanted
      .filter((object) => !taken.has(objectKey(object)))
      .map((object) => applyOwn(context, object, objects.others.get(objectKey(object)))),
    store.spec.networkPolicy.enabled ? undefined : removeNetworkPolicy(context),
    keepBudget(context),
    objects.statefulSet && applyStatefulSet(context, { slots: (kept) => kept }),
  ]);
  return done.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
}

async function removeNetworkPolicy({ client, store, objects }: ActContext): Promise<void> {
  const name = names.networkPolicy(store);
  const found = objects.others.get(objectKey({ kind: "NetworkPolicy", metadata: { name } }));
  if (found === undefined) return;
  const ref = { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", namespace: store.namespace, name };
  await client.delete(ref, { uid: found.metadata?.uid ?? "" });
}

import { isKubeError } from "../../kube/kube-error.ts";
import type { V1Pod, V1PodDisruptionBudget } from "../../kube/objects.ts";
import type { Step } from "../../plan/step.ts";
import type { ActContext } from "./act-context.ts";
import { applyOwn } from "./apply-own.ts";
import { budgetNumber } from "./budget-number.ts";
import { buildBudget } from "./build-objects.ts";
import { names, voterLabel } from "./names.ts";
import { isOwn } from "./ownership.ts";

type SetBudget = Extract<Step, { readonly kind: "setBudget" }>;

/**
 * How many of the pods that are marked as voters must stay. At no moment in between more may be evicted than
 * before or after: the number rises before marks are added, and falls after marks are taken away.
 */
export async function setBudget({ minAvailable, voters }: SetBudget, context: ActContext): Promise<void> {
  const before = context.input.budget?.minAvailable ?? 0;
  if (minAvailable >= before) await applyBudget(minAvailable, context);
  await markVoters(voters, context);
  if (minAvailable < before) await applyBudget(minAvailable, context);
}

/** What the budget looked like last, after this turn's own writes. */
const latest = new WeakMap<ActContext, V1PodDisruptionBudget>();

/**
 * What somebody changed of it beside the number, which is the plan's. Until the plan sets it again, no voter may go
 * when what was written in its place is no number.
 */
export async function keepBudget(context: ActContext): Promise<void> {
  const { objects, input } = context;
  if (objects.budget === undefined) return;
  await applyBudget(budgetNumber(objects.budget) ?? input.budget?.voters.length ?? 0, context);
}

/** Its status is written all the time by Kubernetes: so often is it read again before the turn is given up. */
const attemptsMax = 5;

/** Only on the spec that was observed: a late write must not undo a later one. */
async function applyBudget(minAvailable: number, context: ActContext): Promise<void> {
  const { client, store, objects } = context;
  const budget = buildBudget(store, minAvailable);
  let current = latest.get(context) ?? objects.budget;
  for (let attempt = 1; ; attempt += 1) {
    context.assertMayAct();
    try {
      if (current !== undefined && (current.spec?.maxUnavailable ?? undefined) !== undefined) {
        current = await exchangeNumber(minAvailable, current, context);
        latest.set(context, current);
        continue;
      }
      latest.set(context, await applyOwn<V1PodDisruptionBudget>(context, budget, current));
      return;
    } catch (error) {
      if (!isKubeError(error, "conflict") || current === undefined || attempt === attemptsMax) throw error;
      const { namespace } = store;
      const ref = {
        apiVersion: "policy/v1",
        kind: "PodDisruptionBudget",
        namespace,
        name: names.budget(store),
      };
      const fresh: V1PodDisruptionBudget | undefined = await client.read<V1PodDisruptionBudget>(ref);
      const { uid, generation } = current.metadata ?? {};
      if (fresh?.metadata?.generation !== generation || fresh?.metadata?.uid !== uid) throw error;
      if (fresh === undefined || !isOwn(store, fresh)) throw error;
      current = fresh;
    }
  }
}

/** Both at once are not allowed, and what an apply does not name stays. */
async function exchangeNumber(
  minAvailable: number,
  { metadata }: V1PodDisruptionBudget,
  { client, store: { namespace, ...store } }: ActContext,
): Promise<V1PodDisruptionBudget> {
  const ref = { apiVersion: "policy/v1", kind: "PodDisruptionBudget", namespace, name: names.budget(store) };
  return client.mergePatch(ref, {
    metadata: { uid: metadata?.uid, resourceVersion: metadata?.resourceVersion },
    spec: { minAvailable, maxUnavailable: null },
  });
}

async function markVoters(voters: readonly number[], context: ActContext): Promise<void> {
  const { client, store, objects } = context;
  for (const [slot, pod] of objects.pods) {
    const isMarked = pod.metadata?.labels?.[voterLabel] === "true";
    const isVoter = voters.includes(slot);
    if (isMarked === isVoter || pod.metadata?.deletionTimestamp !== undefined) continue;
    context.assertMayAct();
    const ref = { apiVersion: "v1", kind: "Pod", namespace: store.namespace, name: names.pod(store, slot) };
    // Of this very pod: another one of its name may hold another member.
    const metadata = { uid: pod.metadata?.uid, labels: { [voterLabel]: isVoter ? "true" : null } };
    try {
      await client.mergePatch<V1Pod>(ref, { metadata });
    } catch (error) {
      // It is gone; another one of its name has no mark.
      if (!isKubeError(error, "not-found") && !isKubeError(error, "conflict")) throw error;
    }
  }
}

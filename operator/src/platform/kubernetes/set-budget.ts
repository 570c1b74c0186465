import type { V1Pod, V1PodDisruptionBudget } from "../../kube/objects.ts";
import type { Step } from "../../plan/step.ts";
import type { ActContext } from "./act-context.ts";
import { buildBudget } from "./build-objects.ts";
import { names, voterLabel } from "./names.ts";

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

async function applyBudget(minAvailable: number, { client, store, objects }: ActContext): Promise<void> {
  const budget = buildBudget(store, minAvailable);
  const resourceVersion = objects.budget?.metadata?.resourceVersion;
  await client.apply<V1PodDisruptionBudget>(
    resourceVersion === undefined ? budget : { ...budget, metadata: { ...budget.metadata, resourceVersion } },
  );
}

async function markVoters(voters: readonly number[], { client, store, objects }: ActContext): Promise<void> {
  for (const [slot, pod] of objects.pods) {
    const isMarked = pod.metadata?.labels?.[voterLabel] === "true";
    const isVoter = voters.includes(slot);
    if (isMarked === isVoter || pod.metadata?.deletionTimestamp !== undefined) continue;
    const ref = { apiVersion: "v1", kind: "Pod", namespace: store.namespace, name: names.pod(store, slot) };
    // Of this very pod: another one of its name may hold another member.
    const metadata = { uid: pod.metadata?.uid, labels: { [voterLabel]: isVoter ? "true" : null } };
    await client.mergePatch<V1Pod>(ref, { metadata });
  }
}

import type { V1PodDisruptionBudget } from "@rstore/operator/kube/objects";
import type { AdminApi } from "../admin-api.ts";
import { hasLabels, isDeleting, isReady, type Objects, placeOf } from "./objects.ts";
import { ignoreOutdated } from "./stateful-sets.ts";

/** Says in each budget's status how many pods may be evicted: the API server allows evictions by that. */
export async function keepBudgets(api: AdminApi, objects: Objects): Promise<void> {
  for (const budget of objects.budgets) {
    const status = statusOf(budget, objects);
    const { resourceVersion } = budget.metadata ?? {};
    const before = budget.status as unknown as Record<string, unknown> | undefined;
    if (Object.entries(status).every(([key, value]) => before?.[key] === value)) continue;
    const place = { ...placeOf(budget), subresource: "status" };
    const patch = { metadata: { resourceVersion }, status: { ...status, disruptedPods: null } };
    await api.patch("poddisruptionbudgets", place, patch).catch(ignoreOutdated);
  }
}

function statusOf(budget: V1PodDisruptionBudget, { pods }: Objects): Record<string, number> {
  const counted = pods.filter(
    (pod) =>
      pod.metadata?.namespace === budget.metadata?.namespace &&
      hasLabels(pod, budget.spec?.selector?.matchLabels ?? {}),
  );
  const evicted = Object.keys(budget.status?.disruptedPods ?? {});
  const healthy = counted.filter(
    (pod) => isReady(pod) && !isDeleting(pod) && !evicted.includes(pod.metadata?.name ?? ""),
  ).length;
  const wanted = Number(budget.spec?.minAvailable ?? 0);
  return {
    observedGeneration: budget.metadata?.generation ?? 0,
    currentHealthy: healthy,
    desiredHealthy: wanted,
    expectedPods: counted.length,
    disruptionsAllowed: Math.max(0, healthy - wanted),
  };
}

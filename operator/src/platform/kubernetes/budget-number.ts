import type { V1PodDisruptionBudget } from "../../kube/objects.ts";

/** How many pods must stay; undefined: somebody wrote a percentage, or how many may go, in its place. */
export function budgetNumber({ spec }: V1PodDisruptionBudget): number | undefined {
  const number = Number(spec?.minAvailable ?? Number.NaN);
  return Number.isInteger(number) && (spec?.maxUnavailable ?? undefined) === undefined ? number : undefined;
}

import { timestampFromMilliseconds } from "../api/v1alpha1/timestamp.ts";
import type { Condition, ConditionType, ReplicatedStoreStatus } from "../api/v1alpha1/types.ts";

const types: readonly ConditionType[] = ["Available", "Progressing", "Degraded"];
const beginning = "the operator could not look: ";
const messageMaxCharacters = 1_024;

interface Failure {
  readonly generation: number;
  readonly nowMs: number;
  /** What kept the operator from looking. */
  readonly why: string;
}

/**
 * The status when the operator could not look: what it said is no longer known, and `lastObservedTime` stays. Told
 * once: each write is an event that makes the operator look again, and the next failure may be worded otherwise.
 */
export function notObservedStatus(
  current: ReplicatedStoreStatus,
  { generation, nowMs, why }: Failure,
): ReplicatedStoreStatus {
  const told = (type: ConditionType) => current.conditions?.find((condition) => condition.type === type);
  const isTold = types.every((type) => {
    const condition = told(type);
    return condition?.observedGeneration === generation && condition.message.startsWith(beginning);
  });
  if (isTold) return current;
  const conditions = types.map((type): Condition => {
    const before = told(type);
    return {
      type,
      status: "Unknown",
      reason: "NotObserved",
      message: `${beginning}${why}`.slice(0, messageMaxCharacters),
      observedGeneration: generation,
      lastTransitionTime:
        before?.status === "Unknown" ? before.lastTransitionTime : timestampFromMilliseconds(nowMs),
    };
  });
  return { ...current, summary: "Unknown", conditions };
}

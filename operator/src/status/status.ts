import { millisecondsFromTimestamp, timestampFromMilliseconds } from "../api/v1alpha1/timestamp.ts";
import type { Condition, ReplicatedStoreStatus } from "../api/v1alpha1/types.ts";
import type { PlanInput } from "../plan/observation.ts";
import type { Plan } from "../plan/plan.ts";
import { type View, viewFromInput } from "../plan/view.ts";
import { conditionsFrom } from "./conditions.ts";
import { memberStatuses } from "./members.ts";

const OBSERVED_EVERY_SECONDS = 60;

/**
 * The whole status after a turn. `current` is what status holds after the plan's own writes: latch, bootstrap,
 * cluster id and attempt to grow are taken from it as they are.
 */
export function statusFrom(
  input: PlanInput,
  plan: Plan,
  current: ReplicatedStoreStatus,
): ReplicatedStoreStatus {
  const view = viewFromInput(input);
  const conditions = conditionsFrom(view, plan);
  const running = input.slots.filter(({ replica }) => replica !== undefined);
  const ready = running.filter(({ replica }) => replica?.ready === true && !replica.deleting).length;
  const leader = view.configuration?.members.find(({ id }) => id === view.configuration?.leader)?.name;
  const settledReplicas = settledReplicasOf(view) ?? current.settledReplicas;
  const { leader: _leader, ...kept } = current;
  const next: ReplicatedStoreStatus = {
    ...kept,
    observedGeneration: input.generation,
    replicas: running.length,
    readyReplicas: ready,
    ready: `${ready}/${input.spec.replicas}`,
    summary: summaryOf(conditions),
    ...(leader === undefined ? {} : { leader }),
    members: memberStatuses(view),
    ...(settledReplicas === undefined ? {} : { settledReplicas }),
    conditions,
  };
  return { ...next, lastObservedTime: observedTime(input, current, next) };
}

/** spec.replicas, once each of those slots has its voter and nobody else is a member. */
function settledReplicasOf(view: View): number | undefined {
  const { replicas } = view.input.spec;
  if (!view.settled || view.voters.length !== replicas || view.learners.length > 0) return undefined;
  const isFull = Array.from({ length: replicas }, (_, slot) => slot).every(
    (slot) => view.voterAt(slot) !== undefined,
  );
  return isFull ? replicas : undefined;
}

function summaryOf(conditions: readonly Condition[]): string {
  const [available, progressing, degraded] = conditions;
  if (available?.status === "False") return available.reason;
  for (const condition of [available, degraded]) {
    if (condition?.status === "Unknown") return "Unknown";
  }
  if (degraded?.status === "True") return degraded.reason;
  if (progressing?.status === "True" || progressing?.reason === "Paused") return progressing.reason;
  return "Healthy";
}

/** Moves once a minute, and whenever something else is written anyway. */
function observedTime(
  { now }: PlanInput,
  current: ReplicatedStoreStatus,
  next: ReplicatedStoreStatus,
): string {
  const before = millisecondsFromTimestamp(current.lastObservedTime);
  const isRecent = before !== undefined && now - before < OBSERVED_EVERY_SECONDS * 1_000 && now >= before;
  const isSame = sameContent(current, { ...next, lastObservedTime: current.lastObservedTime });
  return isRecent && isSame ? current.lastObservedTime! : timestampFromMilliseconds(now);
}

/** Both are plain JSON; the order of fields does not count. */
function sameContent(a: unknown, b: unknown): boolean {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) =>
    sameContent((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]),
  );
}

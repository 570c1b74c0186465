import type { EffectiveSpec } from "../api/v1alpha1/effective-spec.ts";
import type { PlanSpec } from "../plan/observation.ts";

/** What the plan reads of spec, on every platform. */
export function planSpec(spec: EffectiveSpec): PlanSpec {
  return {
    replicas: spec.replicas,
    paused: spec.paused,
    whenScaled: spec.storage.whenScaled,
    whenDeleted: spec.storage.whenDeleted,
    replacementMode: spec.replacement.mode,
    replaceAfterSeconds: spec.replacement.afterSeconds,
    catchUpDeadlineSeconds: spec.catchUpDeadlineSeconds,
    drainsMayInterruptService: spec.drains.mayInterruptService,
  };
}

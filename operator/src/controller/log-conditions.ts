import type { ReplicatedStoreStatus } from "../api/v1alpha1/types.ts";
import type { Logger } from "../log.ts";

type Status = Pick<ReplicatedStoreStatus, "conditions">;

/** A line for each condition that changed. `store`: its namespace and name. */
export function logConditions(log: Logger, store: string, before: Status, after: Status): void {
  for (const { type, status, reason, message } of after.conditions ?? []) {
    const known = before.conditions?.find((condition) => condition.type === type)?.status;
    if (known === status) continue;
    log.record("store.condition", { store, condition: type, status, before: known, reason, message });
  }
}

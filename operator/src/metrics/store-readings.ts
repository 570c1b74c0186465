import type { ReplicatedStore } from "../api/v1alpha1/types.ts";
import type { PlanInput, Slot } from "../plan/observation.ts";
import { type SlotReport, type StoreReading, slotReports } from "./store-definitions.ts";

interface Look {
  readonly atSeconds: number;
  readonly claimsLost: number;
  readonly reports: Readonly<Record<SlotReport, number>>;
}

/** What the last look at each store saw, beside what its status says. */
export class StoreReadings {
  /** By UID. */
  readonly #looks = new Map<string, Look>();

  /** A look that succeeded. */
  looked(uid: string, { now, slots }: Pick<PlanInput, "now" | "slots">): void {
    this.#looks.set(uid, {
      atSeconds: now / 1000,
      claimsLost: slots.filter(({ claim }) => claim?.lost === true).length,
      reports: countReports(slots),
    });
  }

  gone(uid: string): void {
    this.#looks.delete(uid);
  }

  /** Of all that there are; what was remembered of others is forgotten. */
  read(stores: readonly ReplicatedStore[]): readonly StoreReading[] {
    const known = new Set(stores.map(({ metadata }) => metadata.uid));
    for (const uid of this.#looks.keys()) if (!known.has(uid)) this.#looks.delete(uid);
    return stores.map(({ metadata, spec, status = {} }) => {
      const look = this.#looks.get(metadata.uid ?? "");
      const observed = status.lastObservedTime;
      const before = observed === undefined ? undefined : Date.parse(observed) / 1000;
      return {
        namespace: metadata.namespace ?? "",
        name: metadata.name,
        // The API server has put in the default.
        wantedReplicas: spec.replicas ?? 0,
        paused: spec.paused ?? false,
        status,
        lastLookSeconds: look?.atSeconds ?? before,
        claimsLost: look?.claimsLost ?? 0,
        reports: look?.reports ?? countReports([]),
      };
    });
  }
}

function countReports(slots: readonly Slot[]): Readonly<Record<SlotReport, number>> {
  const count = (kind: SlotReport): number => slots.filter(({ report }) => report.kind === kind).length;
  return Object.fromEntries(slotReports.map((kind) => [kind, count(kind)])) as Record<SlotReport, number>;
}

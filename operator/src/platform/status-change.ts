import type { ReplicatedStoreStatus } from "../api/v1alpha1/types.ts";
import type { StatusStep } from "../plan/step.ts";

/** Fields of status with their new values; undefined: the field is taken out. */
export type StatusChange = {
  readonly [K in keyof ReplicatedStoreStatus]?: ReplicatedStoreStatus[K] | undefined;
};

/** What a step writes before or after an act. */
export function statusChange(step: StatusStep): StatusChange {
  switch (step.kind) {
    case "latch":
      return { change: step.change };
    case "clearLatch":
      return { change: undefined };
    case "recordBootstrap":
      return { bootstrap: step.bootstrap };
    case "recordClusterId":
      return { clusterId: step.clusterId };
    case "recordScaleOut":
      return { scaleOut: step.scaleOut };
  }
}

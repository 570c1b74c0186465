import type { MemberId, ReplicatedStore } from "../../api/v1alpha1/types.ts";
import type { KubeClient } from "../../kube/kube-client.ts";
import type { V1PodTemplateSpec } from "../../kube/objects.ts";
import type { ReplicaAddress } from "../../member/replica-client.ts";
import type { PlanInput } from "../../plan/observation.ts";
import type { OperatorPeer } from "./build-objects.ts";
import type { StoreObjects } from "./observe-store.ts";
import type { StatusWriter } from "./status-writer.ts";
import type { Store } from "./store.ts";

/** A step can't be carried out as planned any more: look again. */
export class StepOutdatedError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "StepOutdatedError";
  }
}

/** What steps are carried out with: the view that they were planned on, and the ways to act. */
export interface ActContext {
  readonly client: KubeClient;
  readonly store: Store;
  readonly objects: StoreObjects;
  readonly input: PlanInput;
  readonly addresses: ReadonlyMap<number, ReplicaAddress>;
  readonly wanted: { readonly template: V1PodTemplateSpec; readonly hash: string };
  readonly operator: OperatorPeer;
  readonly status: StatusWriter;
  /** Ids that a leader refused as removed, with the index of their removal; kept between looks. */
  readonly removed: Map<MemberId, bigint>;
  /** Asked before each write: throws a StepOutdatedError when the plan is too old, or somebody else may act. */
  assertMayAct(): void;
  event(event: StepEvent): Promise<void>;
  removeFinalizer(resource: ReplicatedStore): Promise<void>;
}

export interface StepEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly note: string;
}

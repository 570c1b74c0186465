import type { ReplicatedStore } from "../../api/v1alpha1/types.ts";
import type { KubeClient } from "../../kube/kube-client.ts";
import type { V1PodTemplateSpec } from "../../kube/objects.ts";
import type { ReplicasContext } from "../act-on-replicas.ts";
import type { AppliedObjects } from "./applied-objects.ts";
import type { OperatorPeer } from "./build-objects.ts";
import type { StoreObjects } from "./observe-store.ts";
import type { StatusWriter } from "./status-writer.ts";
import type { Store } from "./store.ts";

/** What steps are carried out with: the view that they were planned on, and the ways to act. */
export interface ActContext extends ReplicasContext {
  readonly client: KubeClient;
  readonly store: Store;
  readonly objects: StoreObjects;
  readonly wanted: { readonly template: V1PodTemplateSpec; readonly hash: string };
  readonly operator: OperatorPeer;
  readonly status: StatusWriter;
  /** Kept between looks. */
  readonly applied: AppliedObjects;
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

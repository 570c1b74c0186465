import type { ReplicatedStore } from "../../api/v1alpha1/types.ts";
import type { KubeClient } from "../../kube/kube-client.ts";
import type { V1PodTemplateSpec } from "../../kube/objects.ts";
import type { ReplicaAddress } from "../../member/replica-client.ts";
import type { PlanInput } from "../../plan/observation.ts";
import type { OperatorPeer } from "./build-objects.ts";
import type { StoreObjects } from "./observe-store.ts";
import type { StatusWriter } from "./status-writer.ts";
import type { Store } from "./store.ts";

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
  event(event: StepEvent): Promise<void>;
  removeFinalizer(resource: ReplicatedStore): Promise<void>;
}

export interface StepEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly note: string;
}

import type { EffectiveSpec } from "../../api/v1alpha1/effective-spec.ts";
import { specSchema } from "../../api/v1alpha1/spec-schema.ts";
import type { ReplicatedStore } from "../../api/v1alpha1/types.ts";

/** A ReplicatedStore as the API server stores it. */
export interface Store {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly spec: EffectiveSpec;
}

/** Throws when the spec is not one that the API server would have let in. */
export function storeFrom({ metadata, spec }: ReplicatedStore): Store {
  const { name, namespace = "default", uid = "" } = metadata;
  return { name, namespace, uid, spec: specSchema.parse(spec) };
}

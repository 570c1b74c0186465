import type { z } from "zod";
import { specSchema } from "../../api/v1alpha1/spec-schema.ts";
import type { ReplicatedStore } from "../../api/v1alpha1/types.ts";

/** `spec` with every default in its place. */
export type EffectiveSpec = z.output<typeof specSchema>;

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

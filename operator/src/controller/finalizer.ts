import type { ReplicatedStore } from "../api/v1alpha1/types.ts";

export const finalizer = "rstore.dev/delete-claims";

export function hasFinalizer({ metadata }: ReplicatedStore): boolean {
  return metadata.finalizers?.includes(finalizer) ?? false;
}

/** Merge patches of just the version that was read: a list is replaced as a whole. */
export function withFinalizer({ metadata }: ReplicatedStore): object {
  const { resourceVersion, finalizers = [] } = metadata;
  return { metadata: { resourceVersion, finalizers: [...finalizers, finalizer] } };
}

export function withoutFinalizer({ metadata }: ReplicatedStore): object {
  const { resourceVersion, finalizers = [] } = metadata;
  return { metadata: { resourceVersion, finalizers: finalizers.filter((name) => name !== finalizer) } };
}

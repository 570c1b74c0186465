import type { ResolvedImage } from "../api/v1alpha1/types.ts";

/** How a version becomes an image; settings of the operator. */
export interface ImageSource {
  /** `registry.example/rstore-replica`, without a tag. */
  readonly repository: string;
  /** Of stores that name neither version nor image. */
  readonly defaultVersion: string;
}

/**
 * The image of the replicas: resolved when what the user asks for changed, and kept from then on, so that another
 * version of the operator restarts nothing (E15).
 */
export function resolvedImage(
  spec: { readonly image?: string | undefined; readonly version?: string | undefined },
  latched: ResolvedImage | undefined,
  { repository, defaultVersion }: ImageSource,
): ResolvedImage {
  const requested = spec.image ?? (spec.version === undefined ? "" : `version ${spec.version}`);
  if (latched?.requested === requested) return latched;
  return { requested, resolved: spec.image ?? `${repository}:${spec.version ?? defaultVersion}` };
}

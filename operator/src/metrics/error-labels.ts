import { Reason } from "@rstore/proto/rstore/v1/kv";
import { KubeError, type KubeErrorCode } from "../kube/kube-error.ts";
import { ReplicaCallError } from "../member/replica-error.ts";

export const errorSources = ["kubernetes", "replica", "operator"] as const;

const kubeCodes: Readonly<Record<KubeErrorCode, true>> = {
  "not-found": true,
  "already-exists": true,
  conflict: true,
  invalid: true,
  forbidden: true,
  "namespace-terminating": true,
  "too-many-requests": true,
  unavailable: true,
};

/** rstore.v1.Reason in lower case, the codes of the API server, and the operator's own. */
export const errorReasons: readonly string[] = [
  ...new Set([
    ...Object.keys(kubeCodes),
    ...Object.keys(Reason)
      .filter((name) => Number.isNaN(Number(name)) && name !== "UNSPECIFIED")
      .map(labelOf),
    "unreachable",
    "outdated",
    "internal",
  ]),
].sort();

export interface ErrorLabels {
  readonly source: (typeof errorSources)[number];
  readonly reason: string;
}

/** `outdated`: the plan was too old to be carried out. `internal`: a bug. */
export function errorLabels(error: unknown): ErrorLabels {
  if (error instanceof KubeError) return { source: "kubernetes", reason: error.code };
  if (error instanceof ReplicaCallError) {
    const { reason } = error;
    return { source: "replica", reason: reason === undefined ? "unreachable" : labelOf(Reason[reason]) };
  }
  const isOutdated = error instanceof Error && error.name === "StepOutdatedError";
  return { source: "operator", reason: isOutdated ? "outdated" : "internal" };
}

function labelOf(name: string): string {
  return name.toLowerCase().replaceAll("_", "-");
}

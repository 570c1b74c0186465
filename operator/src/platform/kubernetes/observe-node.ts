import type { V1Node, V1PersistentVolume } from "../../kube/objects.ts";
import type { NodeState } from "../../plan/observation.ts";

const outOfServiceTaint = "node.kubernetes.io/out-of-service";

/** @param node undefined: there is none of that name */
export function nodeState(node: V1Node | undefined): NodeState {
  if (node === undefined) return { state: "gone" };
  if (node.spec?.taints?.some(({ key }) => key === outOfServiceTaint)) return { state: "out-of-service" };
  const ready = node.status?.conditions?.find(({ type }) => type === "Ready");
  // False: its kubelet is there and says so. Unknown: nobody has heard of it.
  if (ready?.status !== "Unknown") return { state: "ok" };
  return { state: "unreachable", since: milliseconds(ready.lastTransitionTime) };
}

function milliseconds(time: Date | string | undefined): number {
  return time === undefined ? 0 : new Date(time).getTime();
}

/** The one node that a volume can be used on; undefined: it can be attached to others. */
export function nodeOfVolume(volume: V1PersistentVolume | undefined): string | undefined {
  const terms = volume?.spec?.nodeAffinity?.required?.nodeSelectorTerms ?? [];
  const names = terms.flatMap(({ matchExpressions = [], matchFields = [] }) =>
    [...matchExpressions, ...matchFields].flatMap(({ key, operator, values = [] }) =>
      operator === "In" && (key === "kubernetes.io/hostname" || key === "metadata.name") ? values : [],
    ),
  );
  return names.length === 1 ? names[0] : undefined;
}

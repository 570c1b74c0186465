import type { V1Node } from "../../kube/objects.ts";
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

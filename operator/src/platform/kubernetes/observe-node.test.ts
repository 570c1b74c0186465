import { describe, expect, it } from "vitest";
import type { V1Node } from "../../kube/objects.ts";
import { nodeState } from "./observe-node.ts";

const since = new Date(5000);

function node(ready: string | undefined, taints: readonly string[] = []): V1Node {
  return {
    spec: { taints: taints.map((key) => ({ key, effect: "NoExecute" })) },
    status: {
      conditions: ready === undefined ? [] : [{ type: "Ready", status: ready, lastTransitionTime: since }],
    },
  };
}

describe("the state of a node", () => {
  it.each<[what: string, node: V1Node | undefined, state: object]>([
    ["there is none of that name", undefined, { state: "gone" }],
    ["it is ready", node("True"), { state: "ok" }],
    ["its kubelet says that it is not ready", node("False"), { state: "ok" }],
    ["nothing was heard of it yet", node(undefined), { state: "ok" }],
    ["its kubelet is not heard of", node("Unknown"), { state: "unreachable", since: 5000 }],
    [
      "it is tainted as out of reach alone",
      node("True", ["node.kubernetes.io/unreachable"]),
      { state: "ok" },
    ],
    [
      "somebody said that it is out of service (E9)",
      node("Unknown", ["node.kubernetes.io/out-of-service"]),
      { state: "out-of-service" },
    ],
  ])("%s", (_, observed, state) => {
    expect(nodeState(observed)).toEqual(state);
  });
});

import { describe, expect, it } from "vitest";
import type { V1ContainerStatus, V1Pod } from "../../kube/objects.ts";
import { damageOf, replicaFromPod, unreadySince } from "./observe-pod.ts";

type State = NonNullable<V1ContainerStatus["state"]>;

function pod(state: State, added: { deleting?: boolean; lastState?: State; started?: boolean } = {}): V1Pod {
  const { deleting = false, lastState, started } = added;
  return {
    metadata: { uid: "u", ...(deleting ? { deletionTimestamp: new Date(0) } : {}) },
    status: {
      containerStatuses: [
        {
          name: "replica",
          image: "",
          imageID: "",
          ready: false,
          restartCount: 0,
          state,
          ...(lastState === undefined ? {} : { lastState }),
          ...(started === undefined ? {} : { started }),
        },
      ],
    },
  };
}

const ended = (exitCode: number): State => ({ terminated: { exitCode } });

describe("why a replica does not run", () => {
  it.each<[what: string, pod: V1Pod, waiting: string | undefined]>([
    ["it runs", pod({ running: {} }), undefined],
    ["it recovers its disk", pod({ running: {} }, { started: false }), "Starting"],
    ["it has recovered its disk", pod({ running: {} }, { started: true }), undefined],
    ["it ended by itself with an error", pod(ended(1)), "CrashLoop"],
    ["it waits before it is started again", pod({ waiting: { reason: "CrashLoopBackOff" } }), "CrashLoop"],
    ["it was told to end and did", pod(ended(0)), "Starting"],
    ["its pod is deleted and it was killed", pod(ended(137), { deleting: true }), "Starting"],
    ["there is no such image", pod({ waiting: { reason: "ErrImagePull" } }), "ImagePull"],
  ])("%s", (_, observed, waiting) => {
    expect(replicaFromPod(observed).waiting).toBe(waiting);
  });
});

it("a disk that can't be used shows in how the replica ended, now or the last time", () => {
  expect(damageOf(pod(ended(73)))).toMatch(/exit code 73/);
  expect(damageOf(pod({ waiting: {} }, { lastState: ended(71) }))).toMatch(/exit code 71/);
  expect(damageOf(pod({ running: {} }, { lastState: ended(71) }))).toBeUndefined();
  expect(damageOf(pod(ended(137)))).toBeUndefined();
});

describe("since when a pod is not ready", () => {
  const made = { creationTimestamp: new Date(1_000) };
  const ready = (status: string, seconds: number): V1Pod => ({
    metadata: made,
    status: { conditions: [{ type: "Ready", status, lastTransitionTime: new Date(seconds * 1_000) }] },
  });

  it.each<[what: string, pod: V1Pod, since: number | undefined]>([
    ["it is", ready("True", 5), undefined],
    ["it became so", ready("False", 5), 5_000],
    ["its node is not heard of", ready("Unknown", 5), 5_000],
    ["it never was", { metadata: made }, 1_000],
  ])("%s", (_, observed, since) => {
    expect(unreadySince(observed)).toBe(since);
    expect(replicaFromPod(observed).ready).toBe(since === undefined);
  });
});

import type { V1ContainerStatus, V1Pod } from "../../kube/objects.ts";
import type { Replica, WaitingReason } from "../../plan/observation.ts";
import { templateHashLabel } from "./names.ts";

/** Ended because of its disk (docs/reference/exit-codes.md): started again it ends again. */
const damageExitCodes: Readonly<Record<number, string>> = {
  71: "the parts of its disk belong to different members (exit code 71)",
  73: "its log is damaged, cut off or an old copy (exit code 73)",
};

const waitingReasons: Readonly<Record<string, WaitingReason>> = {
  ErrImagePull: "ImagePull",
  ImagePullBackOff: "ImagePull",
  InvalidImageName: "ImagePull",
  ErrImageNeverPull: "ImagePull",
  CrashLoopBackOff: "CrashLoop",
  CreateContainerConfigError: "ConfigurationError",
  CreateContainerError: "ConfigurationError",
  RunContainerError: "ConfigurationError",
};

export function replicaFromPod(pod: V1Pod): Replica {
  const waiting = waitingReason(pod);
  return {
    uid: pod.metadata?.uid ?? "",
    ready: isReady(pod),
    deleting: pod.metadata?.deletionTimestamp !== undefined,
    templateHash: pod.metadata?.labels?.[templateHashLabel] ?? "",
    ...(waiting === undefined ? {} : { waiting }),
  };
}

export function isReady(pod: V1Pod): boolean {
  return unreadySince(pod) === undefined;
}

/**
 * Milliseconds since the epoch; undefined: it is ready. Of a pod that never was, since it was made. Of one without
 * times, 0.
 */
export function unreadySince(pod: V1Pod): number | undefined {
  const condition = pod.status?.conditions?.find(({ type }) => type === "Ready");
  if (condition?.status === "True") return undefined;
  const time = condition?.lastTransitionTime ?? pod.metadata?.creationTimestamp;
  return time === undefined ? 0 : new Date(time).getTime();
}

function waitingReason(pod: V1Pod): WaitingReason | undefined {
  const scheduled = pod.status?.conditions?.find(({ type }) => type === "PodScheduled");
  if (scheduled?.status === "False") return "Unschedulable";
  const container = replicaStatus(pod);
  // It runs, and its probe was not answered yet: it recovers its disk.
  if (container?.state?.running !== undefined) return container.started === false ? "Starting" : undefined;
  const reason = container?.state?.waiting?.reason;
  if (reason !== undefined && reason in waitingReasons) return waitingReasons[reason];
  // One that was told to end, by its deletion or with its node, has not crashed.
  const ended = container?.state?.terminated;
  const isCrash =
    ended !== undefined && ended.exitCode !== 0 && pod.metadata?.deletionTimestamp === undefined;
  return isCrash ? "CrashLoop" : "Starting";
}

/** Why starting it again does not help; undefined: it may. */
export function damageOf(pod: V1Pod): string | undefined {
  const container = replicaStatus(pod);
  if (container?.state?.running !== undefined) return undefined;
  const code = (container?.state?.terminated ?? container?.lastState?.terminated)?.exitCode;
  return code === undefined ? undefined : damageExitCodes[code];
}

function replicaStatus(pod: V1Pod): V1ContainerStatus | undefined {
  return pod.status?.containerStatuses?.find(({ name }) => name === "replica");
}

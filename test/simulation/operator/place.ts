import type { Exit, Slot } from "../cluster/types.ts";
import type { SimNode } from "./sim-node.ts";
import type { SlotObjects } from "./types.ts";

/** A slot's process as the platform has it: what outlives restarts of the process itself. */
export interface Pod {
  readonly uid: string;
  readonly templateHash: string;
  /** How the slot's process ended last before this one was made. */
  readonly exitBefore: Exit | undefined;
  deleting: boolean;
  /** undefined: not scheduled yet. */
  node: SimNode | undefined;
  /** As a voter's, for the budget. */
  marked: boolean;
}

export interface VolumeClaim {
  readonly uid: string;
  deleting: boolean;
  /** The only node that it can be used on; undefined: any, or not bound yet. */
  boundTo: SimNode | undefined;
}

/** What the platform keeps of one slot. */
export interface Place {
  readonly slot: Slot;
  pod: Pod | undefined;
  claim: VolumeClaim | undefined;
}

const damages: Readonly<Record<string, string>> = {
  wrongDirectory: "exit code 71",
  corruptLog: "exit code 73",
};

/** Of a template that no process can run with. */
export function isBad(templateHash: string): boolean {
  return templateHash.startsWith("bad");
}

export function isReady({ slot, pod }: Place): boolean {
  if (pod?.node?.isOk !== true || slot.life === undefined || slot.life.isPaused) return false;
  return slot.replica !== undefined && slot.replica.readiness().length === 0;
}

/** Why starting its process again does not help. */
export function damageOf({ slot, pod }: Place): string | undefined {
  if (pod?.node?.isOk !== true || slot.life !== undefined) return undefined;
  const { lastExit } = slot;
  if (lastExit === pod.exitBefore || lastExit?.kind !== "fatal") return undefined;
  return damages[lastExit.error.reason];
}

function waitingOf({ slot, pod }: Place) {
  if (pod!.node === undefined) return { waiting: "Unschedulable" } as const;
  if (isBad(pod!.templateHash)) return { waiting: "CrashLoop" } as const;
  if (slot.life !== undefined) return {};
  return { waiting: slot.lastExit === pod!.exitBefore ? "Starting" : "CrashLoop" } as const;
}

export function objectsOf(
  place: Place,
  { kept, isAttachable }: { readonly kept: number; readonly isAttachable: boolean },
): SlotObjects {
  const { pod, claim, slot } = place;
  const node = pod?.node ?? claim?.boundTo;
  return {
    index: slot.index,
    node: node?.state ?? { state: "ok" },
    marked: pod?.marked === true,
    damage: damageOf(place),
    kept: slot.index < kept,
    ...(claim === undefined
      ? {}
      : {
          claim: {
            uid: claim.uid,
            deleting: claim.deleting,
            lost: false,
            attachableElsewhere: isAttachable,
          },
        }),
    ...(pod === undefined
      ? {}
      : {
          replica: {
            uid: pod.uid,
            ready: isReady(place),
            deleting: pod.deleting,
            templateHash: pod.templateHash,
            ...waitingOf(place),
          },
        }),
  };
}

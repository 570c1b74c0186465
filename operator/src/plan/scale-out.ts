import { millisecondsFromTimestamp, timestampFromMilliseconds } from "../api/v1alpha1/timestamp.ts";
import type { ScaleOutStatus } from "../api/v1alpha1/types.ts";
import type { Slot } from "./observation.ts";
import type { Outcome } from "./outcome.ts";
import { highestVoterSlot, orderedSlots, type View } from "./view.ts";

const RETRY_AFTER_SECONDS = 600;
const RETRY_AT_MOST_SECONDS = 24 * 3_600;

/** How many slots shall have a voter for now, and the attempt to get there. */
export interface Growth extends Outcome {
  /** spec.replicas; while an attempt to grow is given up, what was reached before it. */
  readonly wanted: number;
  /** As it will be once `steps` are done. */
  readonly record: ScaleOutStatus | undefined;
}

/** Begins, gives up and takes up again the attempt to reach more slots than were ever reached. */
export function planGrowth(view: View): Growth {
  const { status, spec } = view.input;
  const reached = Math.max(status.settledReplicas ?? 0, highestVoterSlot(view) + 1);
  if (spec.replicas <= reached) return planLeftovers(view, reached);
  const { scaleOut } = status;
  const isSame = scaleOut?.generation === view.input.generation && scaleOut.from === reached;
  return isSame ? continueGrowth(view, scaleOut) : beginGrowth(view, reached, 0);
}

function beginGrowth(view: View, reached: number, givenUp: number): Growth {
  const { now, generation, spec } = view.input;
  const record: ScaleOutStatus = {
    generation,
    target: spec.replicas,
    from: reached,
    startedTime: timestampFromMilliseconds(now),
    givenUp,
    keptClaims: claimsToKeep(view, reached),
  };
  const reason = `grows from ${reached} to ${spec.replicas} replicas`;
  return {
    wanted: spec.replicas,
    record,
    steps: [{ kind: "recordScaleOut", scaleOut: record, reason }],
    findings: [{ level: "progress", reason: "ScalingOut", message: reason }],
    wakeAt: now + spec.catchUpDeadlineSeconds * 1_000,
  };
}

function continueGrowth(view: View, record: ScaleOutStatus): Growth {
  const { now, spec } = view.input;
  const retryAt = millisecondsFromTimestamp(record.retryTime);
  if (retryAt !== undefined) {
    if (now >= retryAt) return beginGrowth(view, record.from, record.givenUp);
    const message = `gave up growing to ${record.target} replicas: the newcomers did not catch up in time; tries again at ${record.retryTime}, or when spec is edited`;
    const finding = { level: "trouble", reason: "ScaleOutGivenUp", message } as const;
    return { wanted: record.from, record, findings: [finding], wakeAt: retryAt };
  }
  const deadline =
    (millisecondsFromTimestamp(record.startedTime) ?? now) + spec.catchUpDeadlineSeconds * 1_000;
  if (now >= deadline) return giveUp(view, record);
  const message = `grows from ${record.from} to ${record.target} replicas`;
  return {
    wanted: spec.replicas,
    record,
    findings: [{ level: "progress", reason: "ScalingOut", message }],
    wakeAt: deadline,
  };
}

function giveUp(view: View, record: ScaleOutStatus): Growth {
  const { now, spec } = view.input;
  const delaySeconds = Math.min(RETRY_AT_MOST_SECONDS, RETRY_AFTER_SECONDS * 2 ** record.givenUp);
  const retryTime = timestampFromMilliseconds(now + delaySeconds * 1_000);
  const scaleOut = { ...record, givenUp: record.givenUp + 1, retryTime };
  const reason = `the newcomers did not catch up within ${spec.catchUpDeadlineSeconds} s: takes them away and tries again in ${delaySeconds} s, or when spec is edited`;
  return {
    wanted: record.from,
    record: scaleOut,
    steps: [
      { kind: "recordScaleOut", scaleOut, reason },
      { kind: "event", type: "Warning", eventReason: "ScaleOutGivenUp", reason },
    ],
    findings: [{ level: "trouble", reason: "ScaleOutGivenUp", message: reason }],
    wakeAt: now + delaySeconds * 1_000,
  };
}

/** Nothing to grow: the record stays until what was made for newcomers is gone. */
function planLeftovers(view: View, reached: number): Growth {
  const { spec, status } = view.input;
  const { scaleOut } = status;
  if (scaleOut === undefined) return { wanted: spec.replicas, record: undefined };
  const isLeft = (slot: Slot): boolean =>
    slot.index >= reached && (slot.replica !== undefined || slot.kept || isMadeClaim(scaleOut, slot));
  if (!orderedSlots(view).some(isLeft)) {
    const reason = "nothing is left of the attempt to grow";
    return {
      wanted: spec.replicas,
      record: undefined,
      steps: [{ kind: "recordScaleOut", scaleOut: undefined, reason }],
    };
  }
  if (scaleOut.from === reached) return { wanted: spec.replicas, record: scaleOut };
  const record = { ...scaleOut, from: reached, keptClaims: claimsToKeep(view, reached) };
  const reason = `${reached} replicas were reached: their claims are newcomers' no more`;
  return {
    wanted: spec.replicas,
    record,
    steps: [{ kind: "recordScaleOut", scaleOut: record, reason }],
  };
}

/** Was the slot's claim made for a newcomer that never had a vote? */
export function isMadeClaim(record: ScaleOutStatus | undefined, slot: Slot): boolean {
  if (record === undefined || slot.claim === undefined || slot.index < record.from) return false;
  return !record.keptClaims.includes(slot.claim.uid);
}

/** Claims from the slot on that no attempt to grow has made; a blank disk holds nothing to keep. */
function claimsToKeep(view: View, from: number): readonly string[] {
  return orderedSlots(view)
    .filter(({ index, report }) => index >= from && report.kind !== "blank")
    .filter((slot) => !isMadeClaim(view.input.status.scaleOut, slot))
    .flatMap(({ claim }) => (claim === undefined ? [] : [claim.uid]));
}

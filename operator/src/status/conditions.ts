import type { Reason } from "../api/v1alpha1/reasons.ts";
import { timestampFromMilliseconds } from "../api/v1alpha1/timestamp.ts";
import type { Condition, ConditionStatus, ConditionType } from "../api/v1alpha1/types.ts";
import type { Finding } from "../plan/outcome.ts";
import type { Plan } from "../plan/plan.ts";
import { majority } from "../plan/quorum-guard.ts";
import { describeSlots } from "../plan/slots.ts";
import { recordedVoters, reportedId, type View } from "../plan/view.ts";

interface Verdict {
  readonly status: ConditionStatus;
  readonly reason: Reason;
  readonly message: string;
}

/** All three, from the observation and what was planned for it: never from what was set before. */
export function conditionsFrom(view: View, plan: Plan): readonly Condition[] {
  const available = availability(view, plan.findings);
  return [
    stamp(view, "Available", available),
    stamp(view, "Progressing", progress(view, plan.findings)),
    stamp(view, "Degraded", degradation(view, plan.findings, available)),
  ];
}

function stamp(view: View, type: ConditionType, verdict: Verdict): Condition {
  const { status, now, generation } = view.input;
  const before = status.conditions?.find((condition) => condition.type === type);
  const isSame = before?.status === verdict.status;
  return {
    type,
    ...verdict,
    observedGeneration: generation,
    lastTransitionTime: isSame ? before.lastTransitionTime : timestampFromMilliseconds(now),
  };
}

const notObserved = {
  status: "Unknown",
  reason: "NotObserved",
  message: "no member answered the operator with a majority behind it",
} as const;

/** True only for an answer that a majority stood behind; False only for what can be seen to be down. */
function availability(view: View, findings: readonly Finding[]): Verdict {
  const { configuration, voters, live, input } = view;
  if (configuration !== undefined) {
    const message = `${voters.filter(({ id }) => live.has(id)).length} of ${voters.length} voters are alive and caught up`;
    return { status: "True", reason: "Serving", message };
  }
  if (input.status.clusterId === undefined) {
    const cause =
      findings.find(({ level }) => level === "trouble") ??
      findings.find(({ reason }) => reason !== "Bootstrapping" && reason !== "MemberStarting");
    const message = `the cluster is not founded yet${cause === undefined ? "" : `: ${cause.message}`}`;
    // What somebody has to act on is said where people look first.
    const reason = cause?.level === "trouble" ? cause.reason : "NotFounded";
    return { status: "False", reason, message };
  }
  // The voters may be others by now.
  if (input.status.change?.kind === "ChangeMembership") return notObserved;
  const known = recordedVoters(view);
  const down = known.filter(({ id }) => isSeenDown(view, id));
  if (known.length > 0 && known.length - down.length < majority(known.length)) {
    const slots = down.flatMap(({ id }) => view.slotOf(id) ?? []);
    const message = `${down.length} of ${known.length} voters are down or know no leader: ${describeSlots(view, slots)}`;
    return { status: "False", reason: "NoQuorum", message };
  }
  return notObserved;
}

function isSeenDown(view: View, id: string): boolean {
  const slot = view.slot(view.slotOf(id) ?? -1);
  if (slot === undefined) return false;
  const { replica, report, node } = slot;
  if (node.state === "gone" || node.state === "out-of-service") return true;
  if (replica === undefined || (replica.waiting !== undefined && !replica.ready)) return true;
  if (report.kind === "silent") return false;
  return report.kind === "member" ? report.leaderless || report.memberId !== id : true;
}

function progress(view: View, findings: readonly Finding[]): Verdict {
  const { input, configuration } = view;
  const isStart = ({ reason }: Finding): boolean => reason === "MemberStarting";
  const found = findings.filter(({ level }) => level === "progress");
  const steps = found.filter((finding) => !isStart(finding));
  if (steps[0]?.reason === "Paused") {
    return { status: "False", reason: steps[0].reason, message: steps[0].message };
  }
  if (steps.length > 0) return underWay([...steps, ...found.filter(isStart)]);
  const { change } = input.status;
  if (change !== undefined) return { status: "True", reason: change.kind, message: change.reason };
  const replacing = findings.filter(({ reason }) => reason === "Replacing").slice(0, 1);
  if (replacing.length + found.length > 0) return underWay([...replacing, ...found]);
  if (configuration === undefined && input.status.clusterId !== undefined) return notObserved;
  return { status: "False", reason: "Settled", message: "nothing is under way" };
}

function underWay(findings: readonly Finding[]): Verdict {
  const messages = findings.map(({ message }) => message);
  return { status: "True", reason: findings[0]!.reason, message: [...new Set(messages)].join("; ") };
}

function degradation(view: View, findings: readonly Finding[], available: Verdict): Verdict {
  const { configuration, input } = view;
  const troubles = findings.filter(
    ({ level, reason }) => level === "trouble" && reason !== notObserved.reason,
  );
  if (troubles.length > 0) {
    const message = [...new Set(troubles.map((trouble) => trouble.message))].join("; ");
    return { status: "True", reason: troubles[0]!.reason, message };
  }
  if (configuration === undefined && input.status.clusterId !== undefined) {
    // What is seen to be down is known without asking anybody.
    return available.status === "False" ? { ...available, status: "True" } : notObserved;
  }
  if (configuration === undefined) {
    return { status: "False", reason: "NotFounded", message: "there are no members yet" };
  }
  const weak = view.voters.filter(({ id }) => !view.live.has(id));
  if (weak.length > 0) {
    const message = `not alive or not caught up: ${weak.map(({ name }) => name).join(", ")}`;
    return { status: "True", reason: "MembersNotReady", message };
  }
  const size = Math.min(input.status.settledReplicas ?? 0, input.spec.replicas);
  if (view.voters.length < size) {
    const message = `${view.voters.length} members, and there were ${size}: new ones are being added`;
    return { status: "True", reason: "MembersMissing", message };
  }
  const unready = view.voters.filter(({ id }) => !isReady(view, id));
  if (unready.length > 0) {
    const message = `not ready: ${unready.map(({ name }) => name).join(", ")}`;
    return { status: "True", reason: "MembersNotReady", message };
  }
  const message = "every member is alive and has caught up";
  const notice = findings.find(({ level }) => level === "notice");
  if (notice === undefined) return { status: "False", reason: "FullStrength", message };
  return { status: "False", reason: notice.reason, message: `${message}; ${notice.message}` };
}

function isReady(view: View, id: string): boolean {
  const slot = view.slot(view.slotOf(id) ?? -1);
  return slot?.replica?.ready === true && (slot.report.kind === "silent" || reportedId(slot) === id);
}

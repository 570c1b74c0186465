import type { Reason } from "../api/v1alpha1/reasons.ts";
import type { BootstrapStatus } from "../api/v1alpha1/types.ts";
import { explainStuck } from "./explain-stuck.ts";
import { isLeaderless, LEADERLESS_GRACE_SECONDS, planLeaderlessRestart } from "./leaderless-restart.ts";
import type { Slot } from "./observation.ts";
import type { Finding, Outcome } from "./outcome.ts";
import { describeSlots, startSlots } from "./slots.ts";
import type { Step } from "./step.ts";
import { orderedSlots, type View } from "./view.ts";

/** For a resource without a cluster id: founds a cluster once, or adopts the one that its disks carry. */
export function planBootstrap(view: View): Outcome {
  const { status, slots } = view.input;
  if (status.bootstrap !== undefined) return confirmBootstrap(view, status.bootstrap);
  const count = slotsToAsk(view);
  const steps = startSlots(view, count, "its disk has to be asked before a cluster is founded");
  const stamped = slots.find(({ report }) => report.kind === "member" || report.kind === "removed");
  if (stamped !== undefined) return adopt(view, steps);
  const unasked = Array.from({ length: count }, (_, index) => index).filter(
    (index) => view.slot(index)?.report.kind !== "blank",
  );
  if (unasked.length > 0 || steps.length > 0) {
    const message = `waits until every disk has answered that it is blank; not yet: ${describeSlots(view, unasked)}`;
    return { steps, findings: [...explainWaiting(view, unasked), progress("WaitingForBlankDisks", message)] };
  }
  return found(view);
}

/** Why processes do not run, where somebody has to act. */
function explainWaiting(view: View, slots: readonly number[]): readonly Finding[] {
  const waiting = slots.filter((index) => {
    const reason = view.slot(index)?.replica?.waiting;
    return reason !== undefined && reason !== "Starting";
  });
  const reason = view.slot(waiting[0] ?? -1)?.replica?.waiting;
  if (reason === undefined || reason === "Starting") return explainStuckSlots(view, slots);
  const message = `processes do not run: ${describeSlots(view, waiting)}`;
  return [{ level: "trouble", reason: `Pod${reason}`, message }];
}

function explainStuckSlots(view: View, slots: readonly number[]): readonly Finding[] {
  return slots.flatMap((index) => {
    const slot = view.slot(index);
    return (slot === undefined ? undefined : explainStuck(view, slot)) ?? [];
  });
}

/** Every wanted slot, and every slot up to the highest with a claim: any disk may hold a cluster. */
function slotsToAsk(view: View): number {
  const used = view.input.slots.filter(({ claim, kept }) => claim !== undefined || kept);
  return Math.max(view.input.spec.replicas, ...used.map(({ index }) => index + 1));
}

function found(view: View): Outcome {
  const slot = view.slot(0)!;
  const { report } = slot;
  if (report.kind !== "blank") return {};
  const bootstrap: BootstrapStatus = { clusterId: view.input.drawnClusterId, memberId: report.memberId };
  const reason = `every disk is blank: founds cluster ${bootstrap.clusterId} on slot 0`;
  return {
    steps: [
      { kind: "recordBootstrap", bootstrap, reason },
      { kind: "bootstrap", slot: 0, ...bootstrap, reason },
    ],
    findings: [progress("Bootstrapping", reason)],
  };
}

/** After the intent was written only that member may become the first one. */
function confirmBootstrap(view: View, bootstrap: BootstrapStatus): Outcome {
  const steps = startSlots(view, slotsToAsk(view), "a cluster is being founded");
  const slot = orderedSlots(view).find((candidate) => carries(candidate, bootstrap.memberId));
  if (slot === undefined) return bootstrapMemberMissing(view, bootstrap, steps);
  if (slot.report.kind === "blank") {
    const reason = `founds cluster ${bootstrap.clusterId} on slot ${slot.index}`;
    const step: Step = { kind: "bootstrap", slot: slot.index, ...bootstrap, reason };
    return { steps: [...steps, step], findings: [progress("Bootstrapping", reason)] };
  }
  const { clusterId } = bootstrap;
  const reason = `member ${bootstrap.memberId} confirmed cluster ${clusterId}`;
  return {
    steps: [...steps, { kind: "recordClusterId", clusterId, reason }],
    findings: [progress("Bootstrapping", reason)],
  };
}

function carries({ report }: Slot, memberId: string): boolean {
  return (report.kind === "blank" || report.kind === "member") && report.memberId === memberId;
}

/** A second member must not be founded: the first may hold data already (B3). */
function bootstrapMemberMissing(view: View, bootstrap: BootstrapStatus, steps: readonly Step[]): Outcome {
  const asked = Array.from({ length: slotsToAsk(view) }, (_, index) => view.slot(index));
  const isSilent = asked.some((slot) => slot === undefined || slot.report.kind === "silent");
  const who = `member ${bootstrap.memberId}, on which cluster ${bootstrap.clusterId} is being founded`;
  if (isSilent) return { steps, findings: [progress("Bootstrapping", `waits for ${who}`)] };
  const message = `${who}, is gone: no slot holds its disk. Nothing is founded a second time; to begin anew, delete the resource and its claims`;
  return { steps, findings: [{ level: "trouble", reason: "BootstrapMemberLost", message }] };
}

/** The disks know the members; the resource was deleted and made again, or lost its status. */
function adopt(view: View, steps: readonly Step[]): Outcome {
  const clusterId = view.input.slots
    .map(({ report }) =>
      report.kind === "member" || report.kind === "removed" ? report.clusterId : undefined,
    )
    .find((id) => id !== undefined)!;
  if (!view.settled) {
    const message = `found disks of cluster ${clusterId}: starts every slot that has a claim and waits for a leader, to take the members from it`;
    const leaderless = view.configuration === undefined;
    const restart = leaderless ? planLeaderlessRestart(view) : {};
    const troubles = leaderless ? explainNoLeader(view) : [];
    return {
      steps: [...steps, ...(restart.steps ?? [])],
      findings: [progress("Adopting", message), ...(restart.findings ?? []), ...troubles],
    };
  }
  const reason = `adopts cluster ${clusterId} with ${view.voters.length} voters`;
  return {
    steps: [...steps, { kind: "recordClusterId", clusterId, reason }],
    findings: [progress("Adopting", reason)],
  };
}

/** Why there is no leader to take the members from, once nobody is left to wait for. */
function explainNoLeader(view: View): readonly Finding[] {
  const asked = Array.from({ length: slotsToAsk(view) }, (_, index) => index);
  const reportOf = (index: number) => view.slot(index)?.report;
  const silent = asked.filter((index) => (reportOf(index)?.kind ?? "silent") === "silent");
  if (silent.length > 0) return explainWaiting(view, silent);
  const members = asked.filter((index) => reportOf(index)?.kind === "member");
  const isOver = members.every((index) => isLeaderless(view, view.slot(index)!, LEADERLESS_GRACE_SECONDS));
  if (!isOver) return [];
  const others = asked.filter((index) => !members.includes(index));
  const advice = "bring the original volumes back, or delete the resource and its claims";
  const what =
    members.length === 0
      ? `none has a member of the cluster any more: ${advice}`
      : `the members in ${describeSlots(view, members)} elect no leader`;
  const lost =
    members.length === 0 || others.length === 0
      ? ""
      : `; no member is on the disks of ${describeSlots(view, others)}: if the majority was there, ${advice}`;
  const message = `every disk has answered, and ${what}${lost}`;
  return [{ level: "trouble", reason: "NoQuorum", message }];
}

function progress(reason: Reason, message: string): Finding {
  return { level: "progress", reason, message };
}

import { planBootstrap } from "./bootstrap.ts";
import { planBudget } from "./budget.ts";
import { planDeletion } from "./deletion.ts";
import { latchAndAct, resolveLatch } from "./latch.ts";
import { planLeaderlessRestart } from "./leaderless-restart.ts";
import { type Goal, planLearners } from "./membership.ts";
import type { PlanInput } from "./observation.ts";
import { type Finding, mergeOutcomes, type Outcome } from "./outcome.ts";
import { majority } from "./quorum-guard.ts";
import { planReplace } from "./replace.ts";
import { planIdleRestarts, planRollingChange } from "./rolling-change.ts";
import { planScaleIn } from "./scale-in.ts";
import { type Growth, planGrowth } from "./scale-out.ts";
import { planPromotion } from "./scale-out-promotion.ts";
import {
  planHopeless,
  planKnownProcesses,
  planLeftoverClaims,
  planResets,
  planStarts,
  planStops,
} from "./slots.ts";
import { findSharedNode } from "./spread.ts";
import type { Step } from "./step.ts";
import { clusterIdsOf, recordedVoters, reportedId, type View, viewFromInput } from "./view.ts";

export interface Plan {
  /** In order; the platform stops at the first that fails. At most one disruptive one. */
  readonly steps: readonly Step[];
  /** Why the store is not as asked for; what status is made from. */
  readonly findings: readonly Finding[];
  /** Observe and plan again after so many seconds at the latest. */
  readonly requeueAfterSeconds: number;
}

const IDLE_SECONDS = 20;
const WATCHED_SECONDS = 10;
const BUSY_SECONDS = 2;

/** The next safe steps from what was observed to what is asked for. Pure: time is an argument. */
export function plan(input: PlanInput): Plan {
  const view = viewFromInput(input);
  const outcome = planAll(view);
  const findings = [...(outcome.findings ?? [])];
  const steps = withoutRepeats(outcome.steps ?? []);
  return {
    steps: [...steps, ...warningEvents(input, findings)],
    findings,
    requeueAfterSeconds: requeueAfter(input, outcome),
  };
}

function planAll(view: View): Outcome {
  const { input } = view;
  if (input.deleting) return planDeletion(view);
  const clusterIds = clusterIdsOf(input);
  if (clusterIds.length > 1) {
    const message = `disks of more than one cluster: ${clusterIds.join(", ")}. Nothing is touched; remove the claims that don't belong here`;
    return { findings: [{ level: "trouble", reason: "TwoClusters", message }] };
  }
  if (input.spec.paused) return planPaused(view);
  const always = mergeOutcomes([firstTemplate(input), planIdleRestarts(view), planHopeless(view)]);
  if (input.status.clusterId === undefined) return mergeOutcomes([always, planBootstrap(view)]);
  if (!view.settled) return mergeOutcomes([always, planUnsettled(view)]);
  return mergeOutcomes([always, planSettled(view)]);
}

/**
 * Only what drains go by: a pod that is made anew while nothing else is changed has no mark, and would not count as a
 * voter.
 */
function planPaused(view: View): Outcome {
  const message = "spec.paused is set: nothing is changed but the budget of drains";
  return {
    steps: view.input.status.clusterId === undefined ? [] : planBudget(view),
    findings: [{ level: "progress", reason: "Paused", message }],
  };
}

/** Before the first process. */
function firstTemplate({ template }: PlanInput): Outcome {
  if (template.current !== undefined) return {};
  return {
    steps: [{ kind: "setTemplate", hash: template.wanted, reason: "the first processes are made from it" }],
  };
}

/** Nobody answers with a quorum behind it, or a change is not finished: only what harms nobody. */
function planUnsettled(view: View): Outcome {
  const finding: Finding =
    view.configuration === undefined
      ? {
          level: "trouble",
          reason: "NotObserved",
          message:
            "no member answered with a majority behind it: the members are not known, and are left as they are",
        }
      : {
          level: "progress",
          reason: "ChangingMembers",
          message: "a change of the configuration is being committed",
        };
  const known: Outcome = {
    steps: [...(planKnownProcesses(view).steps ?? []), ...planBudget(view)],
  };
  if (view.configuration !== undefined) return mergeOutcomes([known, { findings: [finding] }]);
  const lost: Outcome = { findings: explainLoss(view) };
  return mergeOutcomes([known, planLeaderlessRestart(view), lost, { findings: [finding] }]);
}

/** Disks of a majority hold other members or none: nobody can bring the data back from here (E13). */
function explainLoss(view: View): readonly Finding[] {
  const known = recordedVoters(view);
  const gone = known.filter(({ id }) => {
    const reported = reportedId(view.slot(view.slotOf(id) ?? -1));
    return reported !== undefined && reported !== id;
  });
  if (known.length === 0 || known.length - gone.length >= majority(known.length)) return [];
  const message = `the disks of ${gone.length} of ${known.length} voters are gone, and with them the majority. Nothing is founded anew by itself; bring the original volumes back, or delete the resource and its claims`;
  return [{ level: "trouble", reason: "MajorityLost", message }];
}

function planSettled(view: View): Outcome {
  const growth = planGrowth(view);
  const goal: Goal = { view, wanted: growth.wanted };
  const harmless = mergeOutcomes([planStarts(goal), planResets(goal)]);
  const learners = planLearners(goal);
  const choice = choose(goal, growth);
  const { change } = view.input.status;
  const { proposal } = choice;
  // A restart asks the budget, too, which would never allow it with as much as a later change of voters needs.
  const isRestart = (change ?? proposal?.latch)?.kind === "Restart";
  const budget = planBudget(view, proposal, isRestart ? undefined : goal.wanted);
  const disruption =
    change === undefined
      ? actUnlessLearners(view, learners.steps ?? [], choice, isRaised(view, budget))
      : resolveLatch(view, change, proposal);
  const { findings, wakeAt } = mergeOutcomes([growth, learners, choice, harmless]);
  return {
    steps: [...(growth.steps ?? []), ...budget, ...(harmless.steps ?? []), ...disruption],
    findings: [...(findings ?? []), ...findSharedNode(view)],
    wakeAt,
  };
}

function isRaised({ input }: View, budget: readonly Step[]): boolean {
  if (input.isBudgetTaken === true) return false;
  const before = input.budget?.minAvailable ?? 0;
  return budget.some((step) => step.kind === "setBudget" && step.minAvailable > before);
}

/** The ordered planners: the first that has something disruptive to propose gets its turn. */
function choose(goal: Goal, growth: Growth): Outcome {
  // Only a rolling change has steps besides its proposal: it sets the template first.
  return mergeOutcomes([
    planReplace(goal),
    // Before the promotion: it fills gaps in the same joint change.
    planScaleIn(goal),
    planPromotion(goal, growth.record?.from ?? goal.wanted),
    planStops(goal),
    planLeftoverClaims(goal, growth.record),
    planRollingChange(goal),
  ]);
}

/**
 * Either the learners are put right or one disruptive step is made: both would need the same index. Who was evicted
 * before the budget was raised is seen at the next look only: voters change after that (E18), or without a budget
 * where there can't be one.
 */
function actUnlessLearners(
  view: View,
  learners: readonly Step[],
  choice: Outcome,
  isBudgetRaised: boolean,
): readonly Step[] {
  if (learners.length > 0) return learners;
  const { proposal, steps = [] } = choice;
  const waits = isBudgetRaised && proposal?.latch?.voters !== undefined;
  return proposal === undefined || waits ? steps : [...steps, ...latchAndAct(view, proposal)];
}

/** What a replacement restarts in its own order is not restarted before it; one template is set once. */
function withoutRepeats(steps: readonly Step[]): readonly Step[] {
  return steps.filter((step, at) => {
    if (step.kind === "setTemplate") return steps.findIndex(({ kind }) => kind === step.kind) === at;
    if (step.kind !== "restartSlot") return true;
    const uid = step.replicaUid;
    return !steps.some((later, i) => i > at && later.kind === step.kind && later.replicaUid === uid);
  });
}

/** One event for each new kind of trouble, or notice: what the condition says already is not told again. */
function warningEvents({ status }: PlanInput, findings: readonly Finding[]): readonly Step[] {
  const finding =
    findings.find(({ level }) => level === "trouble") ?? findings.find(({ level }) => level === "notice");
  const degraded = status.conditions?.find(({ type }) => type === "Degraded");
  if (finding === undefined || degraded?.reason === finding.reason) return [];
  return [{ kind: "event", type: "Warning", eventReason: finding.reason, reason: finding.message }];
}

function requeueAfter({ now, slots, status }: PlanInput, outcome: Outcome): number {
  const isBusy =
    (outcome.steps ?? []).length > 0 ||
    status.change !== undefined ||
    (outcome.findings ?? []).some(({ level }) => level === "progress");
  const isWatched =
    (outcome.findings ?? []).some(({ level }) => level === "trouble") ||
    slots.some(({ replica }) => replica !== undefined && !replica.ready);
  const due = outcome.wakeAt === undefined ? Number.POSITIVE_INFINITY : (outcome.wakeAt - now) / 1_000;
  const longest = isBusy ? BUSY_SECONDS : isWatched ? WATCHED_SECONDS : IDLE_SECONDS;
  return Math.max(1, Math.min(longest, Math.ceil(due)));
}

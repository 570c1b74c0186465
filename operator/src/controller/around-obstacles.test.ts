import { describe, expect, it } from "vitest";
import type { Plan } from "../plan/plan.ts";
import type { Obstacle } from "../platform/kubernetes/ownership.ts";
import { aroundObstacles } from "./around-obstacles.ts";

const budget = { kind: "setBudget", minAvailable: 1, voters: [0], reason: "" } as const;
const start = { kind: "startSlot", slot: 0, reason: "" } as const;
const trouble = { level: "trouble", reason: "QuorumAtRisk", message: "" } as const;
const plan: Plan = { steps: [budget, start], findings: [trouble], requeueAfterSeconds: 2 };
const situation = { names: { peerService: "demo-peers" }, isFounded: true, deleting: false };

function taken(kind: string, more: Partial<Obstacle> = {}): readonly Obstacle[] {
  return [{ kind, name: "demo", message: "taken", isPassing: false, ...more }];
}

const peers = taken("Service", { name: "demo-peers" });

describe("a plan when others have a name that the store needs", () => {
  it("is carried out as it is when they have none, and when nothing of the store is to stay", () => {
    expect(aroundObstacles(plan, { ...situation, obstacles: [] })).toBe(plan);
    const obstacles = taken("StatefulSet");
    expect(aroundObstacles(plan, { ...situation, obstacles, deleting: true })).toBe(plan);
  });

  it.each([
    ["the budget", taken("PodDisruptionBudget"), true, [start]],
    ["the client Service", taken("Service"), false, [budget, start]],
    ["the ServiceAccount", taken("ServiceAccount"), false, [budget, start]],
    ["the Service of members that know each other", peers, true, [budget, start]],
    ["the Service of members that are to be founded", peers, false, []],
    ["the StatefulSet", taken("StatefulSet"), true, []],
  ])("without %s takes the steps that need it not", (_, obstacles, isFounded, steps) => {
    const around = aroundObstacles(plan, { ...situation, obstacles, isFounded });
    expect(around.steps).toEqual(steps);
    expect(around.findings.map(({ reason }) => reason).sort()).toEqual(["NameTaken", "QuorumAtRisk"]);
  });

  it("says first what stands in the way of all of it, and last what does not", () => {
    const first = (kind: string) =>
      aroundObstacles(plan, { ...situation, obstacles: taken(kind) }).findings[0]?.reason;
    expect(first("StatefulSet")).toBe("NameTaken");
    expect(first("Service")).toBe("QuorumAtRisk");
  });

  it("looks again within ten seconds, and not all the time when nothing can be done", () => {
    const after = (of: Plan, kind: string) =>
      aroundObstacles(of, { ...situation, obstacles: taken(kind) }).requeueAfterSeconds;
    const idle: Plan = { steps: [], findings: [], requeueAfterSeconds: 20 };
    const underWay = { level: "progress", reason: "CatchingUp", message: "" } as const;
    expect(after(idle, "Service")).toBe(10);
    expect(after(plan, "StatefulSet")).toBe(10);
    expect(after({ ...plan, steps: [budget] }, "PodDisruptionBudget")).toBe(10);
    expect(after({ ...plan, steps: [budget], findings: [underWay] }, "PodDisruptionBudget")).toBe(2);
    expect(after(plan, "PodDisruptionBudget")).toBe(2);
  });

  it("of a store that is paused says nothing of what goes by itself", () => {
    const paused: Plan = {
      ...plan,
      findings: [{ level: "progress", reason: "Paused", message: "" }],
    };
    const reasons = (isPassing: boolean) =>
      aroundObstacles(paused, {
        ...situation,
        obstacles: taken("StatefulSet", { isPassing }),
      }).findings.map(({ reason }) => reason);
    expect(reasons(true)).toEqual(["Paused"]);
    expect(reasons(false)).toContain("NameTaken");
  });
});

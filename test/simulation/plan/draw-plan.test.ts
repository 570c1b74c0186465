import { expect, test } from "vitest";
import { operatorFaultDrawers } from "../operator/draw-operator-faults.ts";
import { drawPlan } from "./draw-plan.ts";
import { faultDrawers } from "./fault-drawers.ts";
import type { FaultKind, Plan } from "./types.ts";

const seeds = Array.from({ length: 500 }, (_, i) => i + 1);
const plans: readonly Plan[] = seeds.map((seed) => drawPlan(seed));

test("a seed always draws the same plan, and another one another", () => {
  for (const plan of plans.slice(0, 50)) expect(drawPlan(plan.seed)).toEqual(plan);
  const distinct = new Set(plans.map(({ shape, faults }) => JSON.stringify({ shape, faults })));
  expect(distinct.size).toBe(plans.length);
});

test("500 seeds draw every kind of fault, every number of members, quiet runs and storms", () => {
  const kinds = new Set(plans.flatMap(({ faults }) => faults.map(({ fault }) => fault.kind)));
  const drawers = { ...faultDrawers, ...operatorFaultDrawers };
  expect([...kinds].sort()).toEqual(Object.keys(drawers).sort());
  expect(new Set(plans.map(({ shape }) => shape.members))).toEqual(new Set([1, 2, 3, 4, 5, 6, 7]));
  expect(plans.some(({ faults }) => faults.length === 0)).toBe(true);
  expect(plans.some(({ faults, shape }) => faults.length > shape.durationMs / 500)).toBe(true);
});

test("a run knows only some kinds of faults, each run others (swarm testing)", () => {
  const kindsOf = ({ faults }: Plan): Set<FaultKind> => new Set(faults.map(({ fault }) => fault.kind));
  const busy = plans.filter(({ faults }) => faults.length > 30);
  const counts = busy.map((plan) => kindsOf(plan).size);
  expect(counts.filter((count) => count < 15).length).toBeGreaterThan(busy.length / 3);
  expect(Math.max(...counts)).toBeGreaterThan(20);
});

test("faults come in order of time, within the run, and hit places that are there", () => {
  for (const { faults, shape } of plans) {
    const times = faults.map(({ atMs }) => atMs);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(times.every((atMs) => atMs >= 0 && atMs < shape.durationMs)).toBe(true);
    for (const { fault } of faults) {
      if ("slot" in fault) expect(fault.slot).toBeLessThan(shape.slots);
      if (fault.kind !== "partition") continue;
      const slots = fault.side.filter((place) => place < 1000);
      expect(slots.length).toBeGreaterThan(0);
      expect(slots.length).toBeLessThan(shape.slots);
    }
  }
});

test("shapes hold what the replica asks of its settings", () => {
  for (const { shape } of plans) {
    expect(shape.heartbeatIntervalMs).toBeGreaterThanOrEqual(10);
    expect(shape.electionTimeoutMs).toBeGreaterThanOrEqual(5 * shape.heartbeatIntervalMs);
    expect(shape.slots).toBeGreaterThanOrEqual(shape.members);
    expect(shape.mix.put).toBeGreaterThan(0);
  }
});

test("clocks run at most 20 % apart from the world's", () => {
  const rates = plans.flatMap(({ faults }) =>
    faults.flatMap(({ fault }) => (fault.kind === "clock-rate" ? [fault.rate] : [])),
  );
  expect(Math.min(...rates)).toBe(0.8);
  expect(Math.max(...rates)).toBe(1.2);
});

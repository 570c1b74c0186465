import { expect, test } from "vitest";
import { drawPlan } from "./draw-plan.ts";
import { shrink } from "./shrink.ts";
import type { Fault, Plan } from "./types.ts";

const crash = (slot: number): Fault => ({ kind: "crash", slot, downMs: 1000 });

function planOf(faults: readonly Fault[]): Plan {
  const drawn = drawPlan(3);
  return {
    ...drawn,
    shape: { ...drawn.shape, members: 7, slots: 9, clients: 4, throughCodecs: true, durationMs: 60_000 },
    faults: faults.map((fault, i) => ({ atMs: 10_000 + i * 100, fault })),
  };
}

function shrinkWith(plan: Plan, stillFails: (plan: Plan) => boolean): Promise<Plan> {
  return shrink(plan, {
    stillFails: async (candidate) => stillFails(candidate),
    nowMs: () => 0,
    deadlineMs: 1,
  });
}

const slotsOf = ({ faults }: Plan): number[] =>
  faults.map(({ fault }) => (fault.kind === "crash" ? fault.slot : -1));

test("finds the two faults of a hundred that are needed, wherever they are", async () => {
  const plan = planOf(Array.from({ length: 100 }, (_, i) => crash(i)));
  for (const [a, b] of [
    [0, 99],
    [17, 63],
    [41, 42],
  ] as const) {
    const smallest = await shrinkWith(plan, (candidate) => {
      const slots = slotsOf(candidate);
      return slots.includes(a) && slots.includes(b);
    });
    expect(slotsOf(smallest)).toEqual([a, b]);
  }
});

test("no fault that is left can be left out: one-minimal even where the property is not monotone", async () => {
  const plan = planOf(Array.from({ length: 24 }, (_, i) => crash(i)));
  const fails = (candidate: Plan): boolean => {
    const slots = slotsOf(candidate);
    return slots.includes(5) && slots.length % 2 === 0;
  };
  const smallest = await shrinkWith(plan, fails);
  expect(fails(smallest)).toBe(true);
  for (let i = 0; i < smallest.faults.length; i += 1) {
    expect(fails({ ...smallest, faults: smallest.faults.toSpliced(i, 1) })).toBe(false);
  }
});

test("the shape becomes as simple, and faults as short, as the failure allows", async () => {
  const plan = planOf([crash(1), crash(2)]);
  const smallest = await shrinkWith(plan, ({ shape, faults }) => {
    const needed = faults.find(({ fault }) => fault.kind === "crash" && fault.slot === 2);
    const longEnough = needed?.fault.kind === "crash" && needed.fault.downMs >= 200;
    return shape.members >= 3 && shape.clients >= 2 && longEnough;
  });
  expect(smallest.shape).toMatchObject({ members: 3, slots: 3, clients: 2, throughCodecs: false });
  expect(smallest.shape.durationMs).toBeLessThan(2000);
  expect(smallest.faults).toHaveLength(1);
  expect(smallest.faults[0]!.fault).toMatchObject({ slot: 2, downMs: 250 });
});

test("a plan that fails by nothing that can be taken away comes back as it was", async () => {
  const plan = planOf([crash(1)]);
  expect(await shrinkWith(plan, () => false)).toBe(plan);
});

test("nothing is tried after the deadline", async () => {
  let tried = 0;
  let nowMs = 0;
  await shrink(planOf(Array.from({ length: 50 }, (_, i) => crash(i))), {
    stillFails: async () => {
      tried += 1;
      nowMs += 10;
      return false;
    },
    nowMs: () => nowMs,
    deadlineMs: 35,
  });
  expect(tried).toBe(4);
});

import type { OperationMix, Plan, Shape } from "./types.ts";

/** A simpler plan of the same kind; undefined: it is as simple as that already. */
type Simplify = (plan: Plan) => Plan | undefined;

function withShape(change: (shape: Shape) => Partial<Shape> | undefined): Simplify {
  return (plan) => {
    const changed = change(plan.shape);
    return changed && { ...plan, shape: { ...plan.shape, ...changed } };
  };
}

const durationMinMs = 500;

/** What follows the last fault is seldom needed, but some time after it is. */
const shorter: Simplify = (plan) => {
  const { durationMs } = plan.shape;
  const lastFaultMs = plan.faults.at(-1)?.atMs ?? 0;
  const halfMs = Math.max(durationMinMs, lastFaultMs + Math.floor((durationMs - lastFaultMs) / 2));
  return halfMs < durationMs * 0.9 ? { ...plan, shape: { ...plan.shape, durationMs: halfMs } } : undefined;
};

/** Everything happens earlier by the idle time before the first fault. */
const sooner: Simplify = (plan) => {
  const firstMs = plan.faults[0]?.atMs ?? 0;
  if (firstMs < 200) return undefined;
  const byMs = Math.floor(firstMs / 2);
  return {
    ...plan,
    shape: { ...plan.shape, durationMs: Math.max(durationMinMs, plan.shape.durationMs - byMs) },
    faults: plan.faults.map(({ atMs, fault }) => ({ atMs: atMs - byMs, fault })),
  };
};

const operations: readonly (keyof OperationMix)[] = [
  "changeMembership",
  "transfer",
  "compact",
  "range",
  "getAtRevision",
  "getAtLeast",
  "getSerializable",
  "deleteRange",
  "delete",
  "compareAndSet",
  "get",
];

const withoutOperation = operations.map((name) =>
  withShape(({ mix }) => (mix[name] > 0 ? { mix: { ...mix, [name]: 0 } } : undefined)),
);

/** In the order in which they are tried: first what saves most. */
export const simplifications: readonly Simplify[] = [
  shorter,
  withShape(({ throughCodecs }) => (throughCodecs ? { throughCodecs: false } : undefined)),
  withShape(({ members, slots }) => {
    if (members <= 1) return undefined;
    const fewer = members > 2 ? members - 2 : 1;
    return { members: fewer, slots: slots - (members - fewer) };
  }),
  withShape(({ members, slots }) => (slots > members ? { slots: slots - 1 } : undefined)),
  withShape(({ clients }) => (clients > 1 ? { clients: Math.floor(clients / 2) } : undefined)),
  withShape(({ keys }) => (keys > 1 ? { keys: Math.floor(keys / 2) } : undefined)),
  withShape(({ network }) => {
    const calm = { lossChance: 0, duplicateChance: 0, reorderChance: 0, corruptChance: 0 };
    const isCalm = Object.entries(calm).every(([name]) => network[name as keyof typeof calm] === 0);
    return isCalm ? undefined : { network: { ...network, ...calm } };
  }),
  withShape(({ disk }) => (disk.stallChance > 0 ? { disk: { ...disk, stallChance: 0 } } : undefined)),
  ...withoutOperation,
  sooner,
  shorter,
];

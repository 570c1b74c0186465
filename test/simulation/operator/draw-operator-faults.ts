import { pickWeighted } from "../plan/pick-weighted.ts";
import type { DrawOptions, Fault, OperatorFaultKind, PlannedFault, Shape } from "../plan/types.ts";
import { Random } from "../world/random.ts";

interface Draw {
  readonly random: Random;
  readonly shape: Shape;
  readonly lastMs: () => number;
}

type Drawer<K extends OperatorFaultKind> = (draw: Draw) => Extract<Fault, { kind: K }>;

const anySlot = ({ random, shape }: Draw): number =>
  random.between(0, random.chance(0.7) ? shape.members - 1 : shape.slots - 1);

const chances = [0, 0, 0.05, 0.2, 0.5] as const;

export const operatorFaultDrawers: { readonly [K in OperatorFaultKind]: Drawer<K> } = {
  "edit-replicas": ({ random, shape }) => ({
    kind: "edit-replicas",
    replicas: random.pick([1, 1, 2, 3, 3, 4, 5, 7].filter((n) => n <= shape.slots)),
  }),
  "edit-template": ({ random }) => ({ kind: "edit-template", bad: random.chance(0.2) }),
  "lose-node": (draw) => ({
    kind: "lose-node",
    slot: anySlot(draw),
    fate: draw.random.pick(["back", "back", "gone", "out-of-service"]),
    stops: draw.random.chance(0.5),
    forMs: 2 * draw.lastMs(),
  }),
  "delete-claim": (draw) => ({
    kind: "delete-claim",
    slot: anySlot(draw),
    withPod: draw.random.chance(0.8),
  }),
  "evict-pod": (draw) => ({ kind: "evict-pod", slot: anySlot(draw) }),
  "recreate-resource": (draw) => ({
    kind: "recreate-resource",
    replicas: draw.random.between(1, Math.min(5, draw.shape.slots)),
    without: draw.random.chance(0.6) ? [draw.random.pick([0, 0, 1])] : [],
    downMs: draw.lastMs(),
  }),
  "crash-operator": ({ random }) => ({
    kind: "crash-operator",
    calls: random.between(1, 12),
    downMs: random.pick([5, 100, 1000]),
  }),
  "pause-operator": (draw) => ({
    kind: "pause-operator",
    calls: draw.random.between(1, 12),
    forMs: 200 + draw.lastMs(),
  }),
  "operator-weather": (draw) => ({
    kind: "operator-weather",
    weather: {
      stale: draw.random.pick([0, 0.3, 0.8]),
      lost: draw.random.pick(chances),
      late: draw.random.pick(chances),
      unanswered: draw.random.pick(chances),
    },
    forMs: 3 * draw.lastMs(),
  }),
  "cut-operator": (draw) => ({
    kind: "cut-operator",
    slots: draw.random.subset([...Array(draw.shape.slots).keys()], 1),
    forMs: draw.lastMs(),
  }),
};

const usualWeights: Readonly<Record<OperatorFaultKind, number>> = {
  "edit-replicas": 4,
  "edit-template": 1,
  "lose-node": 2,
  "delete-claim": 2,
  "evict-pod": 2,
  "recreate-resource": 0.5,
  "crash-operator": 3,
  "pause-operator": 2,
  "operator-weather": 2,
  "cut-operator": 1,
};

/** What befalls an operator, its resource, and the nodes and volumes that it looks after; in order of time. */
export function drawOperatorFaults(
  seed: number,
  shape: Shape,
  { isShort = false }: DrawOptions,
): PlannedFault[] {
  const random = new Random(seed, "operator faults");
  const gapMeanMs = random.pick(isShort ? [300, 800, 1500] : [500, 1500, 4000]);
  const lastMeanMs = random.pick([300, 1000, 3000]);
  const share = random.pick([0.3, 0.6, 1]);
  const kinds = Object.keys(operatorFaultDrawers) as OperatorFaultKind[];
  const weights = Object.fromEntries(
    kinds.map((kind) => [kind, kind === "edit-replicas" || random.chance(share) ? usualWeights[kind] : 0]),
  ) as Record<OperatorFaultKind, number>;
  const draw: Draw = {
    random,
    shape,
    lastMs: () => Math.round(Math.min(20 + random.exponential(lastMeanMs), shape.durationMs / 2)),
  };
  const faults: PlannedFault[] = [];
  for (let atMs = 0; ; ) {
    atMs += Math.ceil(random.exponential(random.chance(0.2) ? 30 : gapMeanMs));
    if (atMs >= shape.durationMs) return faults;
    faults.push({ atMs, fault: operatorFaultDrawers[pickWeighted(random, weights)](draw) });
  }
}

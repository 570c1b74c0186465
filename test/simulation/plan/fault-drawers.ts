import type { DiskPart, DiskWeather } from "../disk/types.ts";
import { clientPlace, type LinkWeather } from "../network/types.ts";
import type { Random } from "../world/random.ts";
import type { Fault, FaultKind, Shape, StoreFaultKind } from "./types.ts";

export interface DrawParts {
  readonly random: Random;
  readonly shape: Shape;
  /** How long a fault lasts, in ms. */
  readonly lastMs: () => number;
}

/** undefined: this shape has no room for the fault. */
type Drawer<K extends FaultKind> = (parts: DrawParts) => Extract<Fault, { kind: K }> | undefined;

const slotsOf = ({ slots }: Shape): number[] => Array.from({ length: slots }, (_, i) => i);
const clientsOf = ({ clients }: Shape): number[] => Array.from({ length: clients }, (_, i) => clientPlace(i));
/** Of a founder: a fault of a place that nobody has come to teaches little. */
const memberSlot = ({ random, shape }: DrawParts): number => random.between(0, shape.members - 1);
const anySlot = (draw: DrawParts): number =>
  draw.random.chance(0.7) ? memberSlot(draw) : draw.random.between(0, draw.shape.slots - 1);
const parts: readonly DiskPart[] = ["raft", "store", "superblock", "snapshot"];

function twoSlots({ random, shape }: DrawParts): [number, number] | undefined {
  const [a, b] = random.shuffle(slotsOf(shape));
  return a === undefined || b === undefined ? undefined : [a, b];
}

/** Some of the places, never none and never all; `whom` says what the places are. */
function someOf(random: Random, places: readonly number[]): number[] {
  return random.shuffle(places).slice(0, random.between(1, Math.max(1, places.length - 1)));
}

function stormyLinks(random: Random, calm: LinkWeather): LinkWeather {
  const often = (chance: number, values: readonly number[], otherwise: number): number =>
    random.chance(chance) ? random.pick(values) : otherwise;
  return {
    latencyMinUs: often(0.3, [5000, 50_000], calm.latencyMinUs),
    latencyMeanUs: often(0.5, [5000, 30_000, 200_000, 1_000_000], calm.latencyMeanUs),
    lossChance: often(0.5, [0.02, 0.1, 0.3, 0.8], calm.lossChance),
    duplicateChance: often(0.4, [0.05, 0.5], calm.duplicateChance),
    reorderChance: often(0.4, [0.05, 0.3, 0.8], calm.reorderChance),
    corruptChance: often(0.3, [0.01, 0.2], calm.corruptChance),
    bytesPerSecond: random.chance(0.3) ? random.pick([1000, 10_000, 200_000]) : calm.bytesPerSecond,
  };
}

function stormyDisk(random: Random): DiskWeather {
  const flushMinUs = random.pick([100, 5000, 50_000, 300_000]);
  return {
    flushMinUs,
    flushMaxUs: flushMinUs * random.pick([1, 4, 10]),
    stallChance: random.pick([0, 0.05, 0.3]),
    stallMeanUs: random.pick([100_000, 1_000_000, 4_000_000]),
  };
}

/** How each kind is drawn. A plan is data: who leads, and what a disk then holds, is known only when it runs. */
export const faultDrawers: { readonly [K in StoreFaultKind]: Drawer<K> } = {
  crash: (draw) => ({ kind: "crash", slot: anySlot(draw), downMs: draw.lastMs() }),
  "crash-at-call": (draw) => ({
    kind: "crash-at-call",
    slot: anySlot(draw),
    calls: Math.ceil(draw.random.exponential(draw.random.pick([3, 15, 60]))),
  }),
  "crash-all": (draw) => ({ kind: "crash-all", downMs: draw.lastMs() }),
  "crash-leader": (draw) => ({ kind: "crash-leader", downMs: draw.lastMs() }),
  stop: (draw) => ({ kind: "stop", slot: anySlot(draw), downMs: draw.lastMs() }),
  pause: (draw) => ({ kind: "pause", slot: anySlot(draw), forMs: draw.lastMs() }),
  "pause-leader": (draw) => ({ kind: "pause-leader", forMs: draw.lastMs() }),
  "clock-rate": (draw) => ({
    kind: "clock-rate",
    slot: anySlot(draw),
    rate: draw.random.pick([0.8, 1.2, draw.random.between(80, 120) / 100]),
  }),

  partition: (draw) => {
    const { random, shape } = draw;
    const slots = slotsOf(shape);
    if (slots.length < 2) return undefined;
    // Clients are cut off with a side, or see everybody.
    const clients = random.chance(0.5) ? random.subset(clientsOf(shape), 1) : [];
    return { kind: "partition", side: [...someOf(random, slots), ...clients], forMs: draw.lastMs() };
  },
  "one-way": (draw) => {
    const [first, ...others] = draw.random.shuffle(slotsOf(draw.shape));
    if (first === undefined || others.length === 0) return undefined;
    const many = draw.random.subset(others, 1);
    const [from, to] = draw.random.chance(0.5) ? [[first], many] : [many, [first]];
    return { kind: "one-way", from, to, forMs: draw.lastMs() };
  },
  partial: (draw) => {
    const slots = draw.random.shuffle(slotsOf(draw.shape));
    if (slots.length < 3) return undefined;
    const bridges = draw.random.between(1, slots.length - 2);
    const rest = slots.slice(bridges);
    const cut = draw.random.between(1, rest.length - 1);
    return { kind: "partial", a: rest.slice(0, cut), b: rest.slice(cut), forMs: draw.lastMs() };
  },
  "isolate-leader": (draw) => ({ kind: "isolate-leader", forMs: draw.lastMs() }),
  flap: (draw) => {
    const pair = twoSlots(draw);
    if (pair === undefined) return undefined;
    const [a, b] = pair;
    return { kind: "flap", a, b, everyMs: draw.random.pick([20, 100, 400, 1500]), forMs: 2 * draw.lastMs() };
  },
  swizzle: (draw) => {
    const slots = draw.random.subset(slotsOf(draw.shape), 2);
    if (slots.length < 2) return undefined;
    const stepMs = draw.random.pick([10, 100, 500]);
    return { kind: "swizzle", slots, back: draw.random.shuffle(slots), stepMs };
  },
  "network-weather": (draw) => ({
    kind: "network-weather",
    weather: stormyLinks(draw.random, draw.shape.network),
    forMs: 2 * draw.lastMs(),
  }),
  "link-weather": (draw) => {
    const pair = twoSlots(draw);
    if (pair === undefined) return undefined;
    const weather = stormyLinks(draw.random, draw.shape.network);
    return { kind: "link-weather", from: pair[0], to: pair[1], weather, forMs: 2 * draw.lastMs() };
  },
  "reset-connections": (draw) => {
    const pair = twoSlots(draw);
    return pair && { kind: "reset-connections", a: pair[0], b: pair[1] };
  },

  "disk-weather": (draw) => ({
    kind: "disk-weather",
    slot: anySlot(draw),
    weather: stormyDisk(draw.random),
    forMs: 2 * draw.lastMs(),
  }),
  "freeze-disk": (draw) => ({ kind: "freeze-disk", slot: anySlot(draw), forMs: draw.lastMs() }),
  "fail-flush": (draw) => ({ kind: "fail-flush", slot: anySlot(draw), part: draw.random.pick(parts) }),
  "fail-read": (draw) => ({ kind: "fail-read", slot: anySlot(draw), part: draw.random.pick(parts) }),
  "flip-bit": (draw) => ({
    kind: "flip-bit",
    slot: anySlot(draw),
    part: draw.random.pick(parts),
    downMs: draw.random.chance(0.5) ? draw.lastMs() : null,
  }),
  "fill-disk": (draw) => ({
    kind: "fill-disk",
    slot: anySlot(draw),
    freeBytes: draw.random.pick([0, 1000, 20_000]),
    forMs: draw.lastMs(),
  }),
  wipe: (draw) => ({ kind: "wipe", slot: anySlot(draw), downMs: draw.lastMs() }),
  "lose-log": (draw) => ({ kind: "lose-log", slot: memberSlot(draw), downMs: draw.lastMs() }),
  "old-copy": (draw) => {
    const remembered = draw.random.chance(0.5);
    const ageMs = draw.random.pick(remembered ? [1500, 4000] : [200, 1000, 4000]);
    return { kind: "old-copy", slot: memberSlot(draw), ageMs, downMs: draw.lastMs(), remembered };
  },

  "change-membership": (draw) => {
    const { random, shape } = draw;
    const slots = random.shuffle(slotsOf(shape));
    const voters = random.between(1, Math.min(7, slots.length));
    const target = slots.slice(0, voters);
    const learners = random.chance(0.3) ? slots.slice(voters, voters + random.between(1, 2)) : [];
    const free = slots.slice(voters + learners.length);
    return {
      kind: "change-membership",
      target,
      learners,
      neverUp: random.chance(0.25) ? free.slice(0, 1) : [],
    };
  },
  "strike-change": (draw) => ({
    kind: "strike-change",
    when: draw.random.pick(["joint", "joint", "leaving"]),
    steps: draw.random.pick([0, 0, 1, 2, 4, 8]),
    how: draw.random.pick(["crash-leader", "cut-leader", "cut-newcomers", "cut-newcomers"]),
    forMs: draw.lastMs(),
  }),
  "hasty-change": (draw) => ({
    kind: "hasty-change",
    slot: anySlot(draw),
    isEarly: draw.random.chance(0.5),
  }),
  "bootstrap-again": (draw) => ({
    kind: "bootstrap-again",
    slot: anySlot(draw),
    otherCluster: draw.random.chance(0.5),
  }),
  "strike-install": (draw) => ({
    kind: "strike-install",
    how: draw.random.pick(["crash", "freeze", "transfer", "crash-leader", "crash-leader", "cut-leader"]),
    forMs: draw.lastMs(),
  }),
  "replace-lost": () => ({ kind: "replace-lost" }),
  transfer: (draw) => ({ kind: "transfer", to: anySlot(draw) }),
};

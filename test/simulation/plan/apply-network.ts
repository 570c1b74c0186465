import { clientPlace } from "../network/types.ts";
import type { Counter } from "../world/coverage.ts";
import { pickLeader } from "./apply-process.ts";
import type { ApplyFault, FaultContext, FaultOf } from "./fault-context.ts";
import type { FaultKind } from "./types.ts";

type Link = readonly [from: number, to: number];

/** Links as cut by `Holds`. */
export function linkKey([from, to]: Link): string {
  return `${from}>${to}`;
}

export function linkOfKey(key: string): Link {
  const [from, to] = key.split(">").map(Number);
  return [from!, to!];
}

function slotsOf({ cluster }: FaultContext): number[] {
  return cluster.slots.map(({ index }) => index);
}

function clientsOf({ cluster }: FaultContext): number[] {
  return Array.from({ length: cluster.shape.clients }, (_, i) => clientPlace(i));
}

const directed = (from: readonly number[], to: readonly number[]): Link[] =>
  from.flatMap((a) => to.filter((b) => b !== a).map((b): Link => [a, b]));

const between = (a: readonly number[], b: readonly number[]): Link[] => [
  ...directed(a, b),
  ...directed(b, a),
];

/** Cuts the links; the answer heals them, unless another fault holds them too. */
function cut({ cuts }: FaultContext, links: readonly Link[]): () => void {
  const keys = links.map(linkKey);
  for (const key of keys) cuts.take(key);
  return () => {
    for (const key of keys) cuts.letGo(key);
  };
}

function cutFor(context: FaultContext, links: readonly Link[], forMs: number): void {
  context.later(forMs, cut(context, links));
}

/** These slots on one side, all others on the other; clients see both. */
export function cutOff(context: FaultContext, side: readonly number[], forMs: number): void {
  const others = slotsOf(context).filter((place) => !side.includes(place));
  count(context, "network.partition-symmetric");
  cutFor(context, between(side, others), forMs);
}

function count({ cluster }: FaultContext, counter: Counter): void {
  cluster.world.coverage.count(counter);
}

function applyPartition(context: FaultContext, { side, forMs }: FaultOf<"partition">): void {
  const withClients = side.some((place) => place >= clientPlace(0));
  const places = [...slotsOf(context), ...(withClients ? clientsOf(context) : [])];
  const others = places.filter((place) => !side.includes(place));
  count(context, "network.partition-symmetric");
  cutFor(context, between(side, others), forMs);
}

function applyOneWay(context: FaultContext, { from, to, forMs }: FaultOf<"one-way">): void {
  count(context, "network.partition-one-way");
  cutFor(context, directed(from, to), forMs);
}

function applyPartial(context: FaultContext, { a, b, forMs }: FaultOf<"partial">): void {
  count(context, "network.partition-partial");
  cutFor(context, between(a, b), forMs);
}

function applyIsolateLeader(context: FaultContext, { forMs }: FaultOf<"isolate-leader">): void {
  const leader = pickLeader(context);
  if (leader === undefined) return;
  count(context, "leader.isolated");
  cutFor(context, between([leader], slotsOf(context)), forMs);
}

function applyFlap(context: FaultContext, { a, b, everyMs, forMs }: FaultOf<"flap">): void {
  count(context, "network.flapping");
  const links = between([a], [b]);
  const flap = (leftMs: number): void => {
    if (leftMs <= 0) return;
    cutFor(context, links, everyMs);
    context.later(2 * everyMs, () => flap(leftMs - 2 * everyMs));
  };
  flap(forMs);
}

function applySwizzle(context: FaultContext, { slots, back, stepMs }: FaultOf<"swizzle">): void {
  count(context, "network.swizzle");
  const heals = new Map<number, () => void>();
  slots.forEach((slot, i) => {
    context.later(i * stepMs, () => heals.set(slot, cut(context, between([slot], slotsOf(context)))));
  });
  back.forEach((slot, i) => {
    context.later((slots.length + i) * stepMs, () => heals.get(slot)?.());
  });
}

function applyNetworkWeather(context: FaultContext, { weather, forMs }: FaultOf<"network-weather">): void {
  context.later(forMs, context.network.add(weather));
}

function applyLinkWeather(context: FaultContext, fault: FaultOf<"link-weather">): void {
  const { from, to, weather, forMs } = fault;
  context.later(forMs, context.link(from, to).add(weather));
}

function applyResetConnections(context: FaultContext, { a, b }: FaultOf<"reset-connections">): void {
  context.cluster.network.reset(a, b);
}

export const networkFaults = {
  partition: applyPartition,
  "one-way": applyOneWay,
  partial: applyPartial,
  "isolate-leader": applyIsolateLeader,
  flap: applyFlap,
  swizzle: applySwizzle,
  "network-weather": applyNetworkWeather,
  "link-weather": applyLinkWeather,
  "reset-connections": applyResetConnections,
} satisfies Partial<{ [K in FaultKind]: ApplyFault<K> }>;

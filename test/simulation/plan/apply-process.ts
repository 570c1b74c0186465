import { type ApplyFault, type FaultContext, type FaultOf, slotAt } from "./fault-context.ts";
import type { FaultKind } from "./types.ts";

function keepDown(context: FaultContext, index: number, forMs: number): void {
  const slot = slotAt(context, index);
  if (slot === undefined) return;
  context.down.take(slot);
  context.later(forMs, () => context.down.letGo(slot));
}

function applyCrash(context: FaultContext, { slot: index, downMs }: FaultOf<"crash">): void {
  keepDown(context, index, downMs);
  slotAt(context, index)?.crash();
}

function applyCrashAtCall(context: FaultContext, { slot, calls }: FaultOf<"crash-at-call">): void {
  slotAt(context, slot)?.crashAtCall(calls);
}

function applyCrashAll(context: FaultContext, { downMs }: FaultOf<"crash-all">): void {
  for (const { index, life } of context.cluster.slots) {
    if (life !== undefined) applyCrash(context, { kind: "crash", slot: index, downMs });
  }
}

function applyCrashLeader(context: FaultContext, { downMs }: FaultOf<"crash-leader">): void {
  const leader = pickLeader(context);
  if (leader !== undefined) applyCrash(context, { kind: "crash", slot: leader, downMs });
}

function applyStop(context: FaultContext, { slot: index, downMs }: FaultOf<"stop">): void {
  keepDown(context, index, downMs);
  slotAt(context, index)?.stop();
}

function applyPause(context: FaultContext, { slot: index, forMs }: FaultOf<"pause">): void {
  const slot = slotAt(context, index);
  if (slot === undefined) return;
  context.paused.take(slot);
  context.later(forMs, () => context.paused.letGo(slot));
}

function applyPauseLeader(context: FaultContext, { forMs }: FaultOf<"pause-leader">): void {
  const leader = pickLeader(context);
  if (leader !== undefined) applyPause(context, { kind: "pause", slot: leader, forMs });
}

function applyClockRate(context: FaultContext, { slot, rate }: FaultOf<"clock-rate">): void {
  slotAt(context, slot)?.setClockRate(rate);
}

/** Index of a slot that leads, as it says itself; of several any. */
export function pickLeader({ cluster, random }: FaultContext): number | undefined {
  const leaders = cluster.leaders();
  return leaders.length === 0 ? undefined : random.pick(leaders).index;
}

export const processFaults = {
  crash: applyCrash,
  "crash-at-call": applyCrashAtCall,
  "crash-all": applyCrashAll,
  "crash-leader": applyCrashLeader,
  stop: applyStop,
  pause: applyPause,
  "pause-leader": applyPauseLeader,
  "clock-rate": applyClockRate,
} satisfies Partial<{ [K in FaultKind]: ApplyFault<K> }>;

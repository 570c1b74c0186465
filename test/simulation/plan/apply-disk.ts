import type { Slot } from "../cluster/types.ts";
import { type ApplyFault, type FaultContext, type FaultOf, slotAt } from "./fault-context.ts";
import type { OldCopy } from "./old-copies.ts";
import type { FaultKind } from "./types.ts";

function applyDiskWeather(context: FaultContext, fault: FaultOf<"disk-weather">): void {
  const slot = slotAt(context, fault.slot);
  if (slot !== undefined) context.later(fault.forMs, context.disk(slot).add(fault.weather));
}

function applyFreezeDisk(context: FaultContext, fault: FaultOf<"freeze-disk">): void {
  const slot = slotAt(context, fault.slot);
  if (slot === undefined) return;
  context.frozen.take(slot);
  context.later(fault.forMs, () => context.frozen.letGo(slot));
}

function applyFailFlush(context: FaultContext, fault: FaultOf<"fail-flush">): void {
  slotAt(context, fault.slot)?.disk.failNextFlush(fault.part);
}

/** A store that cannot be read may be set aside as damaged. */
function applyFailRead(context: FaultContext, fault: FaultOf<"fail-read">): void {
  const slot = slotAt(context, fault.slot);
  if (slot === undefined || (fault.part === "store" && !mayLose(context, fault))) return;
  const member = slot.disk.durableLog()?.memberId;
  if (fault.part === "store" && member !== undefined) context.losses.addDamagedStore(member, slot);
  slot.disk.failNextRead(fault.part);
}

function applyFlipBit(context: FaultContext, fault: FaultOf<"flip-bit">): void {
  const slot = slotAt(context, fault.slot);
  const member = slot?.disk.durableLog()?.memberId;
  if (slot === undefined) return;
  if ((fault.part === "raft" || fault.part === "store") && !mayLose(context, fault)) return;
  if (fault.downMs !== null) {
    context.down.take(slot);
    context.later(fault.downMs, () => context.down.letGo(slot));
    slot.crash();
  }
  if (!slot.disk.flipBit(fault.part)) {
    context.say(() => "nothing is there to flip");
    return;
  }
  if (member === undefined) return;
  if (fault.part === "raft") context.losses.add(member);
  if (fault.part === "store") context.losses.addDamagedStore(member, slot);
}

function applyFillDisk(context: FaultContext, fault: FaultOf<"fill-disk">): void {
  const slot = slotAt(context, fault.slot);
  if (slot !== undefined) context.later(fault.forMs, context.freeBytes(slot).add(fault.freeBytes));
}

function applyWipe(context: FaultContext, fault: FaultOf<"wipe">): void {
  const slot = slotAt(context, fault.slot);
  if (slot === undefined || !mayLose(context, fault)) return;
  const member = slot.disk.durableLog()?.memberId;
  context.down.take(slot);
  slot.crash();
  slot.disk.wipe();
  if (member !== undefined) context.losses.add(member);
  context.later(fault.downMs, () => context.down.letGo(slot));
}

function applyLoseLog(context: FaultContext, fault: FaultOf<"lose-log">): void {
  const slot = slotAt(context, fault.slot);
  const { memberId: member, clusterId, removedIndex } = slot?.disk.durableLog() ?? {};
  if (slot === undefined || member === undefined || !mayLose(context, fault)) return;
  const { cluster, down, losses } = context;
  down.take(slot);
  slot.crash();
  slot.disk.loseLog();
  losses.add(member);
  context.later(fault.downMs, () => down.letGo(slot));
  // In its first start, or while a removed one is reset, there is nothing yet, or nothing left, that says more than
  // the log; and nobody counts on what such a disk has promised.
  if (clusterId === undefined || removedIndex !== undefined) return;
  const { tampered } = slot.disk;
  const watch = (touched: Slot): void => {
    if (slot.disk.tampered !== tampered) cluster.watchers.delete(watch);
    else if (touched === slot && slot.replica !== undefined) {
      cluster.world.fail("lost-log-refused", `${slot.name} starts on a disk whose log is gone (B1, B10)`);
    }
  };
  cluster.watchers.add(watch);
}

/** `copy` was taken `ageMs` before. */
function applyOldCopy(context: FaultContext, fault: FaultOf<"old-copy">, copy: OldCopy | undefined): void {
  const slot = slotAt(context, fault.slot);
  if (slot === undefined) return;
  const refusal = copy === undefined ? "no copy could be taken" : context.oldCopies.refusal(slot, copy);
  if (copy === undefined || refusal !== undefined) {
    context.say(() => `skipped: ${refusal}`);
    return;
  }
  context.down.take(slot);
  slot.crash();
  context.oldCopies.putBack(slot, copy);
  context.later(fault.downMs, () => context.down.letGo(slot));
}

function mayLose(context: FaultContext, { slot: index }: { readonly slot: number }): boolean {
  const slot = slotAt(context, index);
  const refusal = slot === undefined ? "no such slot" : context.losses.refusal(slot);
  if (refusal !== undefined) context.say(() => `skipped: ${refusal}`);
  return refusal === undefined;
}

export const diskFaults = {
  "disk-weather": applyDiskWeather,
  "freeze-disk": applyFreezeDisk,
  "fail-flush": applyFailFlush,
  "fail-read": applyFailRead,
  "flip-bit": applyFlipBit,
  "fill-disk": applyFillDisk,
  wipe: applyWipe,
  "lose-log": applyLoseLog,
  "old-copy": applyOldCopy,
} satisfies Partial<{ [K in FaultKind]: ApplyFault<K> }>;

import type { Slot } from "../cluster/types.ts";
import { cutOff } from "./apply-network.ts";
import { pickLeader } from "./apply-process.ts";
import { type ApplyFault, type FaultContext, type FaultOf, slotAt } from "./fault-context.ts";
import type { FaultKind } from "./types.ts";

/** How long it is waited for an install, in ms. */
const STRIKE_WAIT_MS = 8000;

function applyStrikeInstall(context: FaultContext, fault: FaultOf<"strike-install">): void {
  const { cluster } = context;
  const watch = (slot: Slot): void => {
    if (!isInstalling(slot)) return;
    cluster.watchers.delete(watch);
    context.say(() => `strikes while ${slot.name} installs a snapshot`);
    strike(context, slot, fault);
  };
  cluster.watchers.add(watch);
  context.later(STRIKE_WAIT_MS, () => cluster.watchers.delete(watch));
}

/** Its core has the snapshot, and its disk a log that ends before it. */
function isInstalling({ member, disk }: Slot): boolean {
  if (member === undefined) return false;
  const { firstIndex } = member.node.log;
  if (firstIndex <= 1n) return false;
  const durable = disk.durableLog();
  return durable !== undefined && durable.lastIndex + 1n < firstIndex;
}

function strike(context: FaultContext, slot: Slot, { how, forMs }: FaultOf<"strike-install">): void {
  const { frozen, down, administrator, random, cluster, later } = context;
  if (how === "crash") {
    down.take(slot);
    later(forMs, () => down.letGo(slot));
    slot.crash();
    return;
  }
  frozen.take(slot);
  later(forMs, () => frozen.letGo(slot));
  const index = pickLeader(context);
  const leader = index === undefined ? undefined : slotAt(context, index);
  if (leader === undefined || leader === slot || how === "freeze") return;
  if (how === "transfer") {
    administrator.transfer(random.pick(cluster.slots));
  } else if (how === "cut-leader") {
    cutOff(context, [leader.index], forMs);
  } else {
    down.take(leader);
    later(forMs, () => down.letGo(leader));
    leader.crash();
  }
}

export const installFaults = {
  "strike-install": applyStrikeInstall,
} satisfies Partial<{ [K in FaultKind]: ApplyFault<K> }>;

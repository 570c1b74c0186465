import type { Finding } from "./outcome.ts";
import { majority } from "./quorum-guard.ts";
import { describeSlots } from "./slots.ts";
import type { View } from "./view.ts";

/**
 * A node whose loss would take the majority of three or more voters. Nothing moves them apart again: after a drain pods
 * stay where there was room (E19). One or two voters lose their majority with any node.
 */
export function findSharedNode(view: View): readonly Finding[] {
  const { voters } = view;
  if (voters.length <= 2) return [];
  const slotsByNode = new Map<string, number[]>();
  for (const { id } of voters) {
    const slot = view.slot(view.slotOf(id) ?? -1);
    if (slot?.nodeName === undefined) continue;
    slotsByNode.set(
      slot.nodeName,
      [...(slotsByNode.get(slot.nodeName) ?? []), slot.index].sort((a, b) => a - b),
    );
  }
  const spare = voters.length - majority(voters.length);
  const [crowded] = [...slotsByNode].filter(([, slots]) => slots.length > spare).sort();
  if (crowded === undefined) return [];
  const [node, slots] = crowded;
  const message = `the loss of node ${node} would take the majority: ${describeSlots(view, slots)} of ${voters.length} voters are on it`;
  return [{ level: "notice", reason: "VotersShareNode", message }];
}

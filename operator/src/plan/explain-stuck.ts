import type { Slot } from "./observation.ts";
import type { Finding } from "./outcome.ts";
import { isNodeThere, type View } from "./view.ts";

/** The recovery of a large disk may take longer, too: so it is told, and nothing is done about it. */
export const STUCK_AFTER_SECONDS = 600;

/**
 * A process that is being made or ended, for so long that somebody should look: its volume can't be mounted, for
 * instance. undefined: it is none, or its node is the cause.
 */
export function explainStuck({ input }: View, slot: Slot, name?: string): Finding | undefined {
  const { report, index } = slot;
  if (report.kind !== "silent" || input.now - report.since < STUCK_AFTER_SECONDS * 1_000) return undefined;
  if (!isNodeThere(slot)) return undefined;
  const look = `\`kubectl describe pod${name === undefined ? "" : ` ${name}`}\` says why`;
  const what = describeStuck(slot, look);
  if (what === undefined) return undefined;
  return { level: "trouble", reason: "PodStuck", message: `the process of slot ${index} ${what}` };
}

function describeStuck({ replica }: Slot, look: string): string | undefined {
  if (replica === undefined)
    return "has not been made for ten minutes: the events of the StatefulSet say why";
  if (replica.deleting) return `has not ended for ten minutes: ${look}`;
  if (replica.waiting !== "Starting") return undefined;
  return `has not started for ten minutes: ${look}, or its log, if it recovers a large disk; if its volume is lost, delete claim and pod`;
}

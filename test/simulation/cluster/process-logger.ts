import { type Logger, ReplicaEvents } from "@rstore/replica/events";
import type { World } from "../world/world.ts";

const silent: Logger = { isDebug: false, record: () => {} };

/** What a replica logs, as lines of the transcript; nothing, when nobody reads it. */
export function createProcessLogger(world: World, who: string): Logger {
  if (!world.isTranscribed) return silent;
  return new ReplicaEvents({
    level: "info",
    write: (level, _fields, text) => world.say(who, () => `${level}: ${text}`),
    nowMs: () => world.nowUs / 1000,
    wallMs: () => world.nowUs / 1000,
  });
}

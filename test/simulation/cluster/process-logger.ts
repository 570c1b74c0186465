import type { Logger } from "@rstore/replica/log";
import type { World } from "../world/world.ts";

const ignore = (): void => {};

/** What a replica logs, as lines of the transcript; nothing, when nobody reads it. */
export function createProcessLogger(world: World, who: string): Logger {
  const write = (level: string) => (fields: unknown, message?: string) =>
    world.say(who, () => `${level}: ${message ?? describe(fields)}`);
  const quiet = !world.isTranscribed;
  const logger = {
    trace: ignore,
    debug: ignore,
    info: quiet ? ignore : write("info"),
    warn: quiet ? ignore : write("warn"),
    error: quiet ? ignore : write("error"),
    fatal: quiet ? ignore : write("fatal"),
    child: () => logger,
  };
  return logger as unknown as Logger;
}

function describe(fields: unknown): string {
  return typeof fields === "string" ? fields : JSON.stringify(fields);
}

import { type DestinationStream, pino } from "pino";
import pretty from "pino-pretty";
import { ReplicaEvents } from "./events.ts";

export type { Logger } from "./events.ts";

export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

export const logFormats = ["auto", "json", "text"] as const;
export type LogFormat = (typeof logFormats)[number];

/** JSON lines on standard output in a container; readable lines on a terminal. `msgId` says which line it is. */
export function createLogger(options: { level: LogLevel; format: LogFormat; name: string }): ReplicaEvents {
  const text = options.format === "text" || (options.format === "auto" && process.stdout.isTTY);
  const base = options.name === "" ? null : { replica: options.name };
  const destination: DestinationStream = text
    ? pretty({
        colorize: process.stdout.isTTY,
        translateTime: "SYS:HH:MM:ss.l",
        ignore: "pid,hostname,replica",
        sync: true,
      })
    : pino.destination({ dest: 1, sync: true });
  const log = pino({ level: options.level, base, timestamp: pino.stdTimeFunctions.isoTime }, destination);
  return new ReplicaEvents({
    level: options.level,
    write: (level, fields, line) => log[level](fields, line),
  });
}

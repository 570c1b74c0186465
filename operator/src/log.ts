import { type Logger as PinoLogger, pino } from "pino";

export type Logger = PinoLogger;

export const logLevels = ["debug", "info", "warn", "error"] as const;

/** JSON lines on standard output; `msgId` says which line it is, whatever its text. */
export function createLogger(level: (typeof logLevels)[number]): Logger {
  return pino({ level, base: {}, timestamp: pino.stdTimeFunctions.isoTime });
}

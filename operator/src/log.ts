import { type Logger as PinoLogger, pino } from "pino";

export type Logger = PinoLogger;

export const logLevels = ["debug", "info", "warn", "error"] as const;

/** JSON lines on standard output, or in a file; `msgId` says which line it is, whatever its text. */
export function createLogger(level: (typeof logLevels)[number], file?: string): Logger {
  const options = { level, base: {}, timestamp: pino.stdTimeFunctions.isoTime };
  return file === undefined ? pino(options) : pino(options, pino.destination(file));
}

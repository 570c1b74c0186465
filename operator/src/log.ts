import { MessageLog } from "@rstore/replica/message-log";
import { pino } from "pino";
import { messages } from "./messages/messages.ts";

export type Logger = MessageLog<typeof messages>;

export const logLevels = ["debug", "info", "warn", "error"] as const;

/** JSON lines on standard output, or in a file; `msgId` says which line it is, whatever its text. */
export function createLogger(level: (typeof logLevels)[number], file?: string): Logger {
  const options = { level, base: {}, timestamp: pino.stdTimeFunctions.isoTime };
  const lines = file === undefined ? pino(options) : pino(options, pino.destination(file));
  return new MessageLog({ table: messages, level, write: (at, fields, text) => lines[at](fields, text) });
}

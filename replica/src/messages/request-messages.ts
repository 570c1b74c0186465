import { defineMessages, HALF_A_MINUTE_MS, NOTHING_TO_DO } from "./message.ts";

/** Calls of clients. `request` is the id that the caller sent in x-request-id, or that was made here. */
export const requestMessages = defineMessages({
  "request.failed": {
    level: "error",
    text: "{method} failed by a bug",
    fields: { method: "that was called", err: "the error" },
    repeats: { everyMs: 1000, by: ["method"] },
    meaning: "The caller was told `internal`: something happened that the code does not expect.",
    action: "Report it with the stack of the line.",
  },
  "request.unanswered": {
    level: "debug",
    text: "the answer to {method} was not delivered",
    fields: { method: "path of the request", err: "what the connection said" },
    meaning: "The caller went away, or its connection broke.",
    action: NOTHING_TO_DO,
  },
  "connection.failed": {
    level: "debug",
    text: "a client's connection failed",
    fields: { err: "what it said" },
    meaning: "The connection broke, or its bytes made no sense.",
    action: NOTHING_TO_DO,
  },
  "connection.refused": {
    level: "warn",
    text: "a client's connection was not taken: {limit} are open",
    fields: { limit: "--connections-max" },
    repeats: { everyMs: HALF_A_MINUTE_MS, by: [] },
    meaning: "Too many connections at once.",
    action: "Let clients keep and share connections, or raise --connections-max.",
  },
  "connection.cut": {
    level: "warn",
    text: "{connections} connections did not end in time and were cut",
    fields: { connections: "of clients" },
    meaning: "At the end of the process some calls were still under way after the time that they had.",
    action: NOTHING_TO_DO,
  },
});

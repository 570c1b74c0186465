import { defineMessages, HALF_A_MINUTE_MS, NOTHING_TO_DO } from "./message.ts";

/** Calls of clients. `request` is the id that the caller sent in x-request-id, or that was made here. */
export const requestMessages = defineMessages({
  "request.received": {
    level: "debug",
    text: "{method} of request {request}",
    fields: { request: "id of the request", method: "service and method, or the plain route" },
    meaning: "A call of a client arrived.",
    action: NOTHING_TO_DO,
  },
  "request.forwarded": {
    level: "debug",
    text: "passes writes of requests {requests} on to member {to}",
    fields: { to: "the leader", requests: "their ids, 64 at most" },
    meaning: "This member does not lead. The leader's lines name the same requests.",
    action: NOTHING_TO_DO,
  },
  "request.accepted": {
    level: "debug",
    text: "takes writes of requests {requests} from member {from}",
    fields: { from: "who passed them on", requests: "their ids, 64 at most" },
    meaning: "The other end of `request.forwarded`.",
    action: NOTHING_TO_DO,
  },
  "request.proposed": {
    level: "debug",
    text: "writes of requests {requests} are entry {index} of term {term}",
    fields: {
      index: "of the entry that they share",
      term: "of the entry",
      requests: "their ids, 64 at most",
    },
    meaning: "The leader proposed them. What waits at the same time shares an entry.",
    action: NOTHING_TO_DO,
  },
  "request.applied": {
    level: "debug",
    text: "entry {index} of term {term} is applied: requests {requests}",
    fields: { index: "of the entry", term: "of the entry", requests: "their ids, 64 at most" },
    meaning: "It is committed, applied, and the callers are answered.",
    action: NOTHING_TO_DO,
  },
  "request.answered": {
    level: "debug",
    text: "{method} of request {request}: {code} after {tookMs} ms",
    fields: {
      request: "id of the request",
      method: "service and method, or the plain route",
      code: "ok, or the error's code",
      tookMs: "since it arrived",
    },
    meaning: "The end of `request.received`.",
    action: NOTHING_TO_DO,
  },
  "request.slow": {
    level: "warn",
    text: "{method} of request {request} took {tookMs} ms: {code}",
    fields: {
      request: "id of the request",
      method: "service and method, or the plain route",
      code: "ok, or the error's code",
      tookMs: "since it arrived",
      queuedMs: "of it, until its write was in an entry; absent where this replica did not propose it",
      replicatedMs: "of it, from there until it was applied: the disks and the network",
      index: "of the entry",
    },
    repeats: { everyMs: 1000, by: ["method"] },
    meaning: "A call took longer than --slow-request-ms.",
    action:
      "Long in the queue: the leader's disk or processor. Long after it: `flush.slow` on a majority, or the network between. On a follower look for the same request in the leader's log.",
  },
  "request.refused": {
    level: "warn",
    text: "{method} of request {request} is refused: {limit} ({most}) is reached",
    fields: {
      request: "id of the request",
      method: "service and method, or the plain route",
      limit: "the setting or the bound that is reached",
      most: "its value",
    },
    repeats: { everyMs: 10_000, by: ["limit"] },
    meaning: "The caller was told to slow down: more is asked at once than the replica holds in memory.",
    action:
      "Fewer calls at once, or a higher limit where memory allows it. `proposalQueueMaxBytes`: the leader's disks do not keep up.",
  },
  "request.failed": {
    level: "error",
    text: "{method} failed by a bug",
    fields: { request: "id of the request", method: "that was called", err: "the error" },
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

import { defineMessages, HALF_A_MINUTE_MS, NOTHING_TO_DO } from "./message.ts";

/** From the start of the process to its end, and what it is meanwhile. */
export const processMessages = defineMessages({
  "replica.starting": {
    level: "info",
    text: "rstore-replica {version} starts",
    fields: { version: "of the program", dataDir: "its data directory", node: "version of Node.js" },
    meaning: "The process has read its settings and opens its data directory.",
    action: NOTHING_TO_DO,
  },
  "replica.identity": {
    level: "info",
    text: "member {member}, cluster {cluster}: {state}",
    fields: {
      member: "its id, which its disk keeps",
      cluster: "id of its cluster, 0 when it belongs to none",
      incarnation: "how often this disk was started",
      state: "blank, member, recovering or removed",
    },
    meaning:
      "The data directory is open. A blank replica waits to be bootstrapped or added; one that is removed stays quiet.",
    action: "For a replica that stays blank: `rstore bootstrap` or `rstore member add`.",
  },
  "replica.started": {
    level: "info",
    text: "serves clients at {clientListen}, members at {peerListen}, metrics at {metricsListen}",
    fields: {
      clientListen: "where clients are served",
      peerListen: "where members are served",
      metricsListen: "where metrics and probes are served",
      tookMs: "since the start of the process",
    },
    meaning: "All ports are open. Whether it is ready to serve is said by /readyz.",
    action: NOTHING_TO_DO,
  },
  "replica.founded": {
    level: "info",
    text: "founds cluster {cluster}",
    fields: { cluster: "id of the new cluster" },
    meaning: "It was bootstrapped: it is the first and only member of a new cluster.",
    action: NOTHING_TO_DO,
  },
  "replica.joins": {
    level: "info",
    text: "joins cluster {cluster}, called by member {leader}",
    fields: { cluster: "id of the cluster", leader: "the member that called it" },
    meaning: "A leader called this blank replica, and it becomes a member of that cluster.",
    action: NOTHING_TO_DO,
  },
  "replica.removed": {
    level: "warn",
    text: "removed from the cluster at index {index}; stays quiet",
    fields: { index: "of the configuration that is without it" },
    meaning: "A committed configuration is without this member. It takes no part any more.",
    action:
      "None if it was meant. To use its volume for a new member: `rstore member reset`, then `rstore member add`.",
  },
  "replica.reset": {
    level: "warn",
    text: "reset: the data is set aside, the replica is blank; its new id is {member}",
    fields: { member: "its new id" },
    meaning: "An administrator reset a removed member. Its old data lies beside the new directory.",
    action: "Delete what was set aside when nobody needs it.",
  },
  "replica.stopping": {
    level: "info",
    text: "stops: {why}",
    fields: { why: "the signal, or what else asked for it" },
    meaning:
      "It hands leadership over, ends what is under way and writes everything to disk, for at most 20 s.",
    action: NOTHING_TO_DO,
  },
  "replica.stopped": {
    level: "info",
    text: "stopped after {tookMs} ms",
    fields: { tookMs: "since it was asked to stop" },
    meaning: "Everything is on disk and the ports are closed. The process ends with code 0.",
    action: NOTHING_TO_DO,
  },
  "replica.fatal": {
    level: "fatal",
    text: "ends with code {exitCode}: {message}",
    fields: {
      reason: "as in the list of exit codes",
      exitCode: "of the process",
      message: "what happened",
      err: "the error, when it is a bug",
    },
    meaning: "It cannot go on, and nothing is tried again in the same process.",
    action: "Look up the code in [exit codes](exit-codes.md).",
  },
  "problem.raised": {
    level: "warn",
    text: "problem: {problem}",
    fields: { problem: "as in `rstore status` and /readyz" },
    repeats: { everyMs: HALF_A_MINUTE_MS, by: ["problem"] },
    meaning: "It does not serve everything, or is not ready, and says why. Looked at once a second.",
    action: "Follow what the problem says; `problem.cleared` follows when it is over.",
  },
  "problem.cleared": {
    level: "info",
    text: "problem over: {problem}",
    fields: { problem: "as it was raised", lastedMs: "since it was raised" },
    repeats: { everyMs: HALF_A_MINUTE_MS, by: ["problem"] },
    meaning: "What `problem.raised` named is over.",
    action: NOTHING_TO_DO,
  },
  "metrics.failed": {
    level: "error",
    text: "the metrics port failed to answer {path}",
    fields: { path: "that was asked for", err: "the error" },
    repeats: { everyMs: HALF_A_MINUTE_MS, by: ["path"] },
    meaning: "A page of the metrics port could not be made: a bug.",
    action: "Report it with the stack of the line.",
  },
});

import type { ReplicaEvent } from "../events.ts";
import type { MessageId } from "../messages/messages.ts";
import type { ConsoleEvent } from "./console-state.ts";

/** Which messages of the log the console tells, and as what. null: not of interest to somebody who looks on. */
const kinds: Readonly<Record<MessageId, ConsoleEvent["kind"] | null>> = {
  "replica.starting": null,
  "replica.identity": "process",
  "replica.started": null,
  "replica.founded": "configuration",
  "replica.joins": "configuration",
  "replica.removed": "configuration",
  "replica.reset": "process",
  "replica.stopping": "process",
  "replica.stopped": null,
  "replica.fatal": "process",
  "problem.raised": "problem",
  "problem.cleared": "problem",
  "metrics.failed": null,
  "raft.role": "leader",
  "raft.term": null,
  "raft.configuration": "configuration",
  "raft.handover": "leader",
  "raft.failed": "process",
  "snapshot.made": "snapshot",
  "snapshot.refused": "snapshot",
  "snapshot.offered": "snapshot",
  "snapshot.sent": "snapshot",
  "snapshot.send.failed": "snapshot",
  "snapshot.fetch": "snapshot",
  "snapshot.fetch.interrupted": "snapshot",
  "snapshot.fetch.failed": "snapshot",
  "snapshot.installed": "snapshot",
  "storage.repaired": "disk",
  "store.lost": "disk",
  "store.recovered": "disk",
  "disk.low": "disk",
  "disk.full": "disk",
  "disk.ok": "disk",
  "disk.stalled": "disk",
  "flush.slow": "disk",
  "apply.slow": "disk",
  "log.compacted": null,
  "history.compacted": null,
  "peer.connected": null,
  "peer.disconnected": null,
  "peer.lost": "peer",
  "peer.stream.closed": null,
  "peer.refused": "peer",
  "peer.refuses": "peer",
  "peer.queue.full": "peer",
  "peer.address.invalid": "peer",
  "peer.accept.failed": "peer",
  "peer.forward.failed": null,
  "peer.snapshot.failed": "snapshot",
  "request.received": null,
  "request.forwarded": null,
  "request.accepted": null,
  "request.proposed": null,
  "request.applied": null,
  "request.answered": null,
  "request.slow": "problem",
  "request.refused": "problem",
  "request.failed": "problem",
  "request.unanswered": null,
  "connection.failed": null,
  "connection.refused": "problem",
  "connection.cut": null,
  "trace.on": null,
  "trace.export.failed": "problem",
};

type NameOf = (id: string) => string | undefined;

/** How the console tells an event; undefined: it does not. `nameOf` knows members by 16 hexadecimal digits. */
export function consoleEvent(event: ReplicaEvent, nameOf: NameOf): ConsoleEvent | undefined {
  const kind = Object.hasOwn(kinds, event.id) ? kinds[event.id] : null;
  if (kind === null) return undefined;
  const isRole = event.id === "raft.role";
  const text = (wordings[event.id] ?? plainText)(event, nameOf);
  return {
    atMs: event.atMs,
    level:
      event.level === "error" || event.level === "fatal" ? "error" : event.level === "warn" ? "warn" : "info",
    kind: isRole && !text.includes("leads") ? "election" : kind,
    text: event.suppressed > 0 ? `${text} (and ${event.suppressed} more like it)` : text,
  };
}

/** What reads better than the line of the log. */
const wordings: { readonly [Id in MessageId]?: (event: ReplicaEvent, nameOf: NameOf) => string } = {
  "raft.role": roleText,
  "raft.configuration": configurationText,
  "problem.raised": ({ fields }) => String(fields.problem),
  "problem.cleared": ({ fields }) => `over: ${fields.problem}`,
  "replica.identity": ({ fields }) => `started, ${fields.state}`,
};

function plainText({ text }: ReplicaEvent, nameOf: NameOf): string {
  return withNames(text, nameOf);
}

function withNames(text: string, nameOf: NameOf): string {
  return text.replace(/\b[0-9a-f]{16}\b/g, (id) => nameOf(id) ?? id);
}

function roleText({ fields, text }: ReplicaEvent, nameOf: NameOf): string {
  const [role, leader, term] = [String(fields.role), String(fields.leader), String(fields.term)];
  if (role === "leader") return `this replica leads in term ${term}`;
  if (!/^0*$/.test(leader)) return `${withNames(leader, nameOf)} leads in term ${term}`;
  if (role === "follower") return `knows no leader in term ${term}`;
  return role.endsWith("candidate") ? `stands for election as ${role} in term ${term}` : text;
}

/** `(1 2)&&(2 3) learners=(4) learnersNext=(1)@17`, as the core describes one. */
const described =
  /^\(([0-9a-f ]*)\)(?:&&\(([0-9a-f ]*)\))?(?: learners=\(([0-9a-f ]*)\))?(?: learnersNext=\(([0-9a-f ]*)\))?@(\d+)$/;

function configurationText({ fields, text }: ReplicaEvent, nameOf: NameOf): string {
  const match = described.exec(String(fields.configuration));
  if (match === null) return text;
  const [, voters = "", outgoing, learners, , index] = match;
  const list = (ids: string): string =>
    ids
      .split(" ")
      .filter((id) => id !== "")
      .map((id) => nameOf(id.padStart(16, "0")) ?? id)
      .sort((a, b) => a.localeCompare(b, "en", { numeric: true }))
      .join(", ");
  const also = learners === undefined ? "" : `; learners ${list(learners)}`;
  if (outgoing === undefined) return `configuration ${index}: voters ${list(voters)}${also}`;
  return `joint configuration ${index}: from ${list(outgoing)} to ${list(voters)}${also}`;
}

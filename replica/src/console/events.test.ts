import { expect, it } from "vitest";
import { type Logger, type ReplicaEvent, ReplicaEvents } from "../events.ts";
import { messages } from "../messages/messages.ts";
import { consoleEvent } from "./events.ts";

const [r1, r2, r3] = ["00000000000000a1", "00000000000000a2", "00000000000000a3"] as const;
const names = new Map<string, string>([
  [r1, "r1"],
  [r2, "r2"],
  [r3, "r3"],
]);
const nameOf = (id: string): string | undefined => names.get(id);

/** As the log has it. */
function recorded(record: (log: Logger) => void): ReplicaEvent[] {
  const log = new ReplicaEvents({ write: () => {}, level: "silent", wallMs: () => 77 });
  record(log);
  return [...log.recent];
}

const told = (record: (log: Logger) => void) =>
  recorded(record).map((event) => consoleEvent(event, nameOf)?.text);

it("a change of roles is told by names: who leads, who stands for election", () => {
  const role = (role: string, leader: string) =>
    recorded((log) => log.record("raft.role", { role, leader, term: 4n })).map((event) =>
      consoleEvent(event, nameOf),
    )[0];
  expect(role("leader", r1)).toEqual({
    atMs: 77,
    level: "info",
    kind: "leader",
    text: "this replica leads in term 4",
  });
  expect(role("follower", r2)).toMatchObject({ kind: "leader", text: "r2 leads in term 4" });
  expect(role("follower", "0000000000000000")).toMatchObject({
    kind: "election",
    text: "knows no leader in term 4",
  });
  expect(role("pre-candidate", "0")).toMatchObject({
    kind: "election",
    text: "stands for election as pre-candidate in term 4",
  });
});

it("configurations are told by names, joint ones by both halves", () => {
  const configuration = (text: string) =>
    told((log) => log.record("raft.configuration", { index: 9n, joint: false, configuration: text }))[0];
  expect(configuration("(a2 a1) learners=(a3)@9")).toBe("configuration 9: voters r1, r2; learners r3");
  expect(configuration("(a1 a3)&&(a1 a2)@12")).toBe("joint configuration 12: from r1, r2 to r1, r3");
  expect(configuration("something else")).toBe("configuration something else");
});

it("other messages are told as the log has them, with names for ids, and what was left out", () => {
  expect(told((log) => log.record("snapshot.sent", { peer: r3 }))).toEqual([
    "member r3 has fetched the snapshot",
  ]);
  const [event] = recorded((log) => log.record("peer.refused", { peer: r2, reason: "removed" }));
  expect(consoleEvent({ ...event!, suppressed: 3 }, nameOf)).toMatchObject({
    level: "warn",
    kind: "peer",
    text: "turned member r2 away: removed (and 3 more like it)",
  });
});

it("what is only for debugging is no event, and an unknown message is not shown", () => {
  for (const [id, { level }] of Object.entries(messages)) {
    if (level !== "debug") continue;
    const event = { atMs: 0, id, level, text: "", fields: {}, suppressed: 0 } as ReplicaEvent;
    expect({ id, event: consoleEvent(event, nameOf) }).toEqual({ id, event: undefined });
  }
  const unknown = { atMs: 0, id: "toString", level: "info", text: "", fields: {}, suppressed: 0 };
  expect(consoleEvent(unknown as unknown as ReplicaEvent, nameOf)).toBeUndefined();
});

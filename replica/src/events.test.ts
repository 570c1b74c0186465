import { expect, test } from "vitest";
import { ReplicaEvents, type WriteLine } from "./events.ts";
import type { MessageLevel } from "./messages/message.ts";

interface Line {
  readonly level: MessageLevel;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly text: string;
}

function eventsAt(level: MessageLevel | "silent") {
  const lines: Line[] = [];
  const clock = { nowMs: 0 };
  const write: WriteLine = (lineLevel, fields, text) => lines.push({ level: lineLevel, fields, text });
  const events = new ReplicaEvents({ write, level, nowMs: () => clock.nowMs, wallMs: () => clock.nowMs });
  return { events, lines, clock };
}

test("a message is a line with its id and fields, and an event with its time", () => {
  const { events, lines, clock } = eventsAt("info");
  clock.nowMs = 17;
  events.record("raft.role", { role: "leader", leader: "00aa", term: 7n });
  const fields = { role: "leader", leader: "00aa", term: "7" };
  const text = "is leader in term 7, leader 00aa";
  expect(lines).toEqual([{ level: "info", fields: { msgId: "raft.role", ...fields }, text }]);
  expect(events.recent).toEqual([{ atMs: 17, id: "raft.role", level: "info", text, fields, suppressed: 0 }]);
});

test("debug messages are lines only where asked for, and never events", () => {
  const quiet = eventsAt("info");
  const loud = eventsAt("debug");
  for (const { events } of [quiet, loud]) events.record("log.compacted", { through: 5n });
  expect([quiet.lines.length, loud.lines.length]).toEqual([0, 1]);
  expect([quiet.events.recent.length, loud.events.recent.length]).toEqual([0, 0]);
  expect([quiet.events.isDebug, loud.events.isDebug]).toEqual([false, true]);
});

test("what is not logged at this level is an event all the same", () => {
  const { events, lines } = eventsAt("error");
  events.record("history.compacted", { revision: 5n, before: 1n });
  expect([lines.length, events.recent.length]).toEqual([0, 1]);
});

test("a refused peer that reconnects is told of once in a while, with how often it was", () => {
  const { events, lines, clock } = eventsAt("info");
  for (; clock.nowMs <= 30_000; clock.nowMs += 1000) {
    events.record("peer.refused", { peer: "01", reason: "wrong-cluster" });
  }
  events.record("peer.refused", { peer: "02", reason: "wrong-cluster" });
  expect(lines.map(({ fields }) => [fields.peer, fields.suppressed])).toEqual([
    ["01", undefined],
    ["01", 29],
    ["02", undefined],
  ]);
  expect(events.recent.map(({ suppressed }) => suppressed)).toEqual([0, 29, 0]);
});

test("the last 200 events are kept", () => {
  const { events } = eventsAt("silent");
  for (let i = 0; i < 1000; i++) events.record("replica.stopping", { why: `${i}` });
  expect(events.recent).toHaveLength(200);
  expect(events.recent[0]!.fields.why).toBe("800");
});

test("a slow disk and its slow requests do not drive a change of roles out", () => {
  const { events, clock } = eventsAt("silent");
  events.record("raft.role", { role: "leader", leader: "00aa", term: 7n });
  events.record("problem.raised", { problem: "disk-stalled" });
  for (let second = 0; second < 1000; second++) {
    clock.nowMs += 1000;
    for (const method of ["Put", "Range"]) {
      events.record("request.slow", {
        request: "a",
        method,
        code: "ok",
        tookMs: 1500,
        queuedMs: undefined,
        replicatedMs: undefined,
        index: undefined,
      });
    }
  }
  expect(events.recent.map(({ id }) => id)).toContain("problem.raised");
  events.record("raft.role", { role: "follower", leader: "00bb", term: 8n });
  for (let i = 0; i < 1000; i++) {
    clock.nowMs += 10_000;
    events.record("flush.slow", { target: "log", tookMs: 900, entries: 1 });
  }
  const ids = events.recent.map(({ id }) => id);
  expect(ids.filter((id) => id === "raft.role")).toHaveLength(2);
  expect(ids.filter((id) => id === "request.slow")).toHaveLength(50);
  expect(ids).toHaveLength(2 + 50 + 200);
  const times = events.recent.map(({ atMs }) => atMs);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
});

test("what comes from outside is cut: a line and an event have a bounded size", () => {
  const { events, lines } = eventsAt("info");
  events.record("peer.refuses", { peer: "01", reason: "stale-disk", detail: "x".repeat(100_000) });
  expect(JSON.stringify([lines, events.recent]).length).toBeLessThan(10_000);
});

test("the error of a bug is in the log with its stack, and no event", () => {
  const { events, lines } = eventsAt("info");
  const err = new Error("secret");
  events.record("request.failed", { request: "a", method: "Put", err });
  expect(lines[0]!.fields.err).toBe(err);
  expect(JSON.stringify(events.recent)).not.toContain("secret");
});

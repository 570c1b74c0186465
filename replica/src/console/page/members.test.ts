import { expect, it } from "vitest";
import { sampleMember, sampleReport } from "../testing/sample-state.ts";
import { memberState, roleText } from "./members.ts";

it("who leads is the leader, also on the way out; an old leader that still thinks so is not", () => {
  const claims = { report: { ...sampleReport, role: "leader" } };
  expect(roleText(sampleMember(1, claims), true)).toBe("leader");
  expect(roleText(sampleMember(1, { ...claims, kind: "outgoing" }), true)).toBe("leader, leaving");
  expect(roleText(sampleMember(2, claims), false)).toBe("follower");
  expect(roleText(sampleMember(2, { report: { ...sampleReport, role: "candidate" } }), false)).toBe(
    "candidate",
  );
  expect(roleText(sampleMember(2, { reach: "silent" }), false)).toBe("voter");
  expect(roleText(sampleMember(2, { kind: "learner" }), false)).toBe("learner");
});

it("states have words, not only colours", () => {
  const nowMs = 100_000;
  const state = (change: Parameters<typeof sampleMember>[1]) => memberState(sampleMember(2, change), nowMs);
  expect(state({})).toEqual({ level: "ok", text: "up" });
  expect(state({ reach: "silent", silentSinceMs: 88_000 })).toEqual({
    level: "bad",
    text: "no answer for 12 s",
  });
  expect(state({ reach: "unasked", report: null })).toEqual({ level: "unknown", text: "not asked yet" });
  expect(state({ lag: 5_000 })).toEqual({ level: "warn", text: "catches up" });
  expect(state({ report: { ...sampleReport, problems: ["the disk is full"] } }).text).toBe(
    "the disk is full",
  );
  expect(state({ progress: { matchIndex: 1, state: "snapshot", active: true } }).text).toBe(
    "takes in a snapshot",
  );
});

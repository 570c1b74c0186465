import { describe, expect, it } from "vitest";
import type { ConsoleMember, ConsoleState } from "../console-state.ts";
import { sampleMember, sampleReport, sampleState } from "../testing/sample-state.ts";
import { judge, tolerated } from "./health.ts";

const silent = { reach: "silent", silentSinceMs: 990_000 } as const;
const plain = sampleState();

const withMembers = (...members: readonly ConsoleMember[]): ConsoleState => sampleState({ members });
const joint = (voters: readonly string[], outgoing: readonly string[]): ConsoleState["configuration"] => ({
  ...plain.configuration!,
  joint: true,
  voters,
  outgoing,
});

describe("judge", () => {
  it("healthy: who leads, and how many may fail", () => {
    expect(judge(plain)).toEqual({
      level: "ok",
      headline: "Healthy",
      details: "3 of 3 voters answer. r1 leads in term 4. Any one may fail.",
    });
  });

  it("one of three silent: the next loss stops writes", () => {
    expect(judge(withMembers(sampleMember(1), sampleMember(2), sampleMember(3, silent)))).toEqual({
      level: "warn",
      headline: "r3 does not answer",
      details: "r1 leads in term 4. One more loss stops writes.",
    });
  });

  it("a majority silent is worse than no leader, and no leader worse than a problem", () => {
    const store = { ...plain.store!, leaderId: null };
    const members = [sampleMember(1), sampleMember(2, silent), sampleMember(3, silent)];
    expect(judge(sampleState({ store, members })).headline).toBe("No majority");
    const troubled = sampleMember(2, { report: { ...sampleReport, problems: ["a problem"] } });
    expect(
      judge(sampleState({ store, members: [sampleMember(1), troubled, sampleMember(3)] })),
    ).toMatchObject({
      level: "bad",
      headline: "No leader",
    });
    expect(judge(withMembers(sampleMember(1), troubled, sampleMember(3)))).toEqual({
      level: "warn",
      headline: "Needs attention",
      details: "r2: a problem.",
    });
  });

  it("a joint configuration needs a majority of both halves (dissertation §4.3)", () => {
    const members = [1, 2]
      .map((at) => sampleMember(at))
      .concat([3, 4, 5].map((at) => sampleMember(at, silent)));
    const incoming = joint(["1", "4", "5"], ["1", "2", "3"]);
    expect(judge(sampleState({ members, configuration: incoming })).headline).toBe("No majority");
    const outgoing = joint(["1", "2", "3"], ["1", "4", "5"]);
    expect(judge(sampleState({ members, configuration: outgoing })).headline).toBe("No majority");
    const up = [1, 2, 3, 4, 5].map((at) => sampleMember(at));
    expect(judge(sampleState({ members: up, configuration: incoming }))).toMatchObject({
      level: "ok",
      headline: "Healthy, membership is changing",
    });
  });

  it("a silent learner takes nothing from the voters, and one that left is nobody's trouble", () => {
    const learner = sampleMember(4, { ...silent, kind: "learner" });
    const verdict = judge(withMembers(sampleMember(1), sampleMember(2), sampleMember(3), learner));
    expect(verdict).toMatchObject({
      headline: "r4 does not answer",
      details: expect.stringContaining("1 more"),
    });
    const left = sampleMember(4, { ...silent, kind: "left" });
    expect(judge(withMembers(sampleMember(1), sampleMember(2), sampleMember(3), left)).level).toBe("ok");
  });

  it("far behind is told; the last word of a silent member is not", () => {
    const behind = sampleMember(3, { lag: 20_000 });
    expect(judge(withMembers(sampleMember(1), sampleMember(2), behind)).details).toContain(
      "r3 by 20,000 entries",
    );
    const report = { ...sampleReport, problems: ["long ago"] };
    const gone = sampleMember(4, { ...silent, kind: "left", report });
    expect(judge(withMembers(sampleMember(1), sampleMember(2), sampleMember(3), gone)).headline).toBe(
      "Healthy",
    );
  });

  it("a replica that is no member says what it is", () => {
    const as = (role: string): ConsoleState =>
      sampleState({ self: { ...plain.self, role }, configuration: null, store: null, members: [] });
    expect(judge(as("uninitialized")).headline).toBe("Blank");
    expect(judge(as("removed")).headline).toBe("Removed");
    expect(judge(as("starting")).headline).toBe("Starting");
    expect(judge(as("follower")).headline).toBe("Not serving");
  });
});

describe("tolerated", () => {
  it("counts by the half that has fewest to spare", () => {
    expect(tolerated(plain)).toBe(1);
    expect(tolerated(sampleState({ configuration: joint(["1", "2", "3"], ["1", "2"]) }))).toBe(0);
    expect(tolerated(withMembers(sampleMember(1), sampleMember(2, silent), sampleMember(3, silent)))).toBe(0);
  });
});

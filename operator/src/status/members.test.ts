import { describe, expect, it } from "vitest";
import { plan } from "../plan/plan.ts";
import { inputFromScenario, type Scenario, timeOf } from "../plan/testing/scenario.ts";
import { statusFrom } from "./status.ts";

const known = ["a", "b", "c"].map((id, slot) => ({
  id,
  name: `store-${slot}`,
  slot,
  role: slot === 0 ? ("Leader" as const) : ("Follower" as const),
  caughtUp: true,
  health: "Healthy" as const,
  since: timeOf(100),
  incarnation: "5",
}));

function statusOf(scenario: Scenario) {
  const input = inputFromScenario({ status: { members: known, leader: "store-0" }, ...scenario });
  return statusFrom(input, plan(input), input.status);
}

describe("members when nobody was asked with a majority behind it (E14)", () => {
  const { members, leader, conditions } = statusOf({
    now: 1_000,
    slots: [{ says: "blank x" }, { says: "silent 30" }, { says: "leaderless c" }],
  });

  it("nobody is said to lead", () => {
    expect(leader).toBeUndefined();
    expect(members?.map(({ role }) => role)).toEqual(["Follower", "Follower", "Follower"]);
  });

  it("a disk that is gone is lost, a silent one out of reach, and of the rest nothing is known", () => {
    expect(members?.map(({ health }) => health)).toEqual(["Lost", "Unreachable", "Unknown"]);
    expect(members?.map(({ since }) => since)).toEqual([timeOf(1_000), timeOf(970), timeOf(1_000)]);
  });

  it("Available is not True", () => {
    expect(conditions?.find(({ type }) => type === "Available")?.status).not.toBe("True");
  });
});

describe("members as the leader has them", () => {
  it("each with its role, its health, and since when that is so", () => {
    const { members, leader } = statusOf({
      now: 1_000,
      configuration: { voters: "a b c", learners: "d", leader: "b", dead: "c", behind: "d" },
      slots: [{ says: "member a" }, { says: "member b" }, { says: "blank c2" }, { says: "member d" }],
    });
    expect(leader).toBe("store-1");
    expect(members?.map(({ id, role, health, since }) => [id, role, health, since])).toEqual([
      ["a", "Follower", "Healthy", timeOf(100)],
      ["b", "Leader", "Healthy", timeOf(100)],
      ["c", "Follower", "Lost", timeOf(1_000)],
      ["d", "Learner", "CatchingUp", timeOf(1_000)],
    ]);
  });

  it("a member whose slot can't be asked is healthy while the leader hears of it and its process is ready", () => {
    const { members } = statusOf({
      configuration: { voters: "a b c" },
      slots: [{ says: "member a" }, { says: "member b" }, { says: "silent 5", ready: true }],
    });
    expect(members?.[2]?.health).toBe("Healthy");
  });

  it("the number of starts never goes back: a disk that reports fewer is an old copy (B2)", () => {
    const { members } = statusOf({
      configuration: { voters: "a b c", dead: "c" },
      slots: [{ says: "member a" }, { says: "member b" }, { says: "stale c" }],
    });
    expect(members?.[2]?.incarnation).toBe("5");
  });
});

describe("since when a member is out of reach", () => {
  const before = (lastObserved: number): NonNullable<Scenario["status"]> => ({
    members: [known[0]!, known[1]!, { ...known[2]!, health: "Unreachable" }],
    lastObservedTime: timeOf(lastObserved),
  });
  const look = (now: number, status: NonNullable<Scenario["status"]>, silentSeconds: number) =>
    statusOf({
      now,
      status,
      configuration: { voters: "a b c", dead: "c" },
      slots: [{ says: "member a" }, { says: "member b" }, { says: `silent ${silentSeconds}` }],
    });

  it("is kept by an operator that starts anew soon (E12)", () => {
    expect(look(1_000, before(900), 5).members?.[2]?.since).toBe(timeOf(100));
  });

  it("counts anew after nobody looked for long, and goes on from there (E12, E23)", () => {
    const first = look(1_000, before(100), 5);
    expect(first.members?.[2]?.since).toBe(timeOf(995));
    expect(look(1_020, first, 25).members?.[2]?.since).toBe(timeOf(995));
  });
});

describe("lastObservedTime", () => {
  const scenario: Scenario = { now: 1_000, configuration: { voters: "a b c" } };
  const first = statusOf(scenario);
  const again = (seconds: number, change: object = {}) => {
    const input = inputFromScenario({ ...scenario, now: 1_000 + seconds, status: { ...first, ...change } });
    return statusFrom(input, plan(input), input.status).lastObservedTime;
  };

  it("stays for a minute when nothing changes, and then moves", () => {
    expect(first.lastObservedTime).toBe(timeOf(1_000));
    expect(again(59)).toBe(timeOf(1_000));
    expect(again(60)).toBe(timeOf(1_060));
  });

  it("moves at once with everything else that is written", () => {
    expect(again(5, { readyReplicas: 2 })).toBe(timeOf(1_005));
  });

  it("is put right when a clock went back", () => {
    expect(again(-100)).toBe(timeOf(900));
  });
});

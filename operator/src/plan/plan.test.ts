import { describe, expect, it } from "vitest";
import { statusFrom } from "../status/status.ts";
import { plan } from "./plan.ts";
import { inputFromScenario, type Scenario } from "./testing/scenario.ts";

const configuration = { voters: "a b c" };
const healthy: Scenario = { configuration };
const broken: Scenario = {
  configuration: { ...configuration, dead: "c" },
  slots: [{ says: "member a" }, { says: "member b" }, { says: "silent 40", replica: "CrashLoop" }],
};
const crowded: Scenario = {
  configuration,
  slots: [
    { says: "member a", on: "n1" },
    { says: "member b", on: "n1" },
    { says: "member c", on: "n2" },
  ],
};

function eventsOf(scenario: Scenario): readonly string[] {
  return plan(inputFromScenario(scenario)).steps.flatMap((step) =>
    step.kind === "event" ? [`${step.type} ${step.eventReason}`] : [],
  );
}

describe("Events", () => {
  it.each([
    ["trouble", broken, "Warning PodCrashLoop"],
    ["a notice", crowded, "Warning VotersShareNode"],
  ])("tell of %s once: then the condition says it", (_, scenario, event) => {
    expect(eventsOf(scenario)).toEqual([event]);
    const input = inputFromScenario(scenario);
    const status = statusFrom(input, plan(input), input.status);
    expect(eventsOf({ ...scenario, status })).toEqual([]);
  });

  it("tell nothing of a store that is well", () => {
    expect(eventsOf(healthy)).toEqual([]);
  });
});

it.each<[what: string, scenario: Scenario, seconds: number]>([
  ["all is well", healthy, 20],
  ["there is but a notice", crowded, 20],
  ["something is wrong", broken, 10],
  ["something is under way", { ...healthy, template: { wanted: "h2" } }, 2],
])("looks again when %s", (_, scenario, seconds) => {
  expect(plan(inputFromScenario(scenario)).requeueAfterSeconds).toBe(seconds);
});
